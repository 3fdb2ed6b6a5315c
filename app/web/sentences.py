"""Every sentence that a customer reads about a payment (ux.md §4), as msgids. Failures have their own file.

None says whether money was taken: that is one rule, in `words`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

N_ = str  # marks a msgid for `pybabel extract`; it is translated when a page is rendered


@dataclass(frozen=True)
class Copy:
    tone: str  # wait | ok | bad | warn | info
    icon: str
    title: str
    body: str
    tips: tuple[str, ...] = ()
    action: str = ""
    does: str = ""  # check | retry | number | not_paid | contact | onward | plans | receipt
    second: str = ""
    second_does: str = ""
    live: str = ""


AGAIN = N_("Try again")
NEW_REQUEST = N_("Send a new request")
OTHER_NUMBER = N_("Use another number")
CONTINUE = N_("Continue")
SAVE = N_("Save receipt")
CONTACT = N_("Contact %(merchant)s")
SAFE = N_("You have not been charged")
CHECK_SMS = N_("Check your M-PESA SMS before you try again.")
WAIT = N_("Try again in %(wait)s")
PAID_IF_SMS = N_("Got an M-PESA SMS with a code? You have paid. Do not pay again.")
NO_MESSAGE = (
    N_("Wait 10 seconds and keep the screen unlocked."),
    N_("Close any open M-PESA or USSD menu."),
    N_("Check that <b>%(phone)s</b> is the right line."),
    N_("Dial <b>*234*1*6#</b> to update your SIM."),
)

PHASES: Mapping[str, Copy] = {
    "sending": Copy(
        "wait",
        "shield",
        N_("Sending your request"),
        N_("We are asking M-PESA to send a payment request to <b>%(phone)s</b>."),
        live=N_("Sending your request to M-PESA."),
    ),
    "waiting_prompt": Copy(
        "wait",
        "phone",
        N_("Look at your phone"),
        N_("A message like this will appear on <b>%(phone)s</b> in a few seconds."),
        live=N_("Look at your phone. The M-PESA message will appear in a few seconds."),
    ),
    "waiting_pin": Copy(
        "wait",
        "clock",
        N_("Enter your M-PESA PIN"),
        N_("Type your PIN in the M-PESA message on <b>%(phone)s</b>, then press OK."),
        tips=NO_MESSAGE,
        live=N_("Enter your M-PESA PIN on your phone. You have about one minute."),
    ),
    "processing": Copy(
        "wait",
        "shield",
        N_("Confirming with M-PESA"),
        N_("This usually takes a few seconds. Keep this page open."),
        tips=NO_MESSAGE,
        live=N_("Confirming your payment with M-PESA."),
    ),
    "unconfirmed": Copy(
        "warn",
        "clock",
        N_("Still waiting for M-PESA"),
        N_(
            "M-PESA has not told us yet whether this payment went through. "
            "We keep checking; you can close this page and come back to it."
        ),
        action=N_("Check now"),
        does="check",
        second=N_("I did not enter my PIN"),
        second_does="not_paid",
        live=N_(
            "M-PESA is slow to answer. We are still checking. "
            "Do not pay again if you received an M-PESA SMS."
        ),
    ),
    "paid": Copy(
        "ok",
        "tick",
        N_("Payment received"),
        N_("Thank you. Your %(plan)s plan is active until <b>%(until)s</b>."),
        action=CONTINUE,
        does="onward",
        second=SAVE,
        second_does="receipt",
        live=N_("Payment received. M-PESA receipt number %(spelled)s."),
    ),
    "paid_no_receipt": Copy(
        "ok",
        "tick",
        N_("Payment received"),
        N_("Thank you. Your %(plan)s plan is active until <b>%(until)s</b>."),
        action=CONTINUE,
        does="onward",
        live=N_("Payment received. Your receipt number is in the M-PESA SMS."),
    ),
}
# While M-PESA is sick (ADR 17): what is true of a payment that is under way.
VERY_BUSY = N_("M-PESA is very busy")
BUSY: Mapping[str, Copy] = {
    "unsent": Copy(
        "warn",
        "busy",
        VERY_BUSY,
        N_(
            "Your request waits for its turn: nothing has been sent to <b>%(phone)s</b> yet. "
            "If it cannot go out within 30 seconds, it is not sent at all."
        ),
    ),
    "sending": Copy(
        "warn",
        "busy",
        VERY_BUSY,
        N_(
            "We have asked M-PESA, and it is slow to answer. "
            "The payment request may still appear on <b>%(phone)s</b>."
        ),
    ),
    "unconfirmed": replace(
        PHASES["unconfirmed"],
        body=N_(
            "M-PESA is very busy, and has not told us yet whether this payment went through. "
            "We keep checking; you can close this page and come back to it."
        ),
    ),
}
SHORT = Copy(
    "warn",
    "wallet",
    N_("We received %(received)s"),
    N_(
        "It is on your balance; <b>%(amount)s</b> is needed for the %(plan)s plan. "
        "Please contact %(merchant)s with reference <b>%(reference)s</b>."
    ),
    action=CONTACT,
    does="contact",
    second=SAVE,
    second_does="receipt",
)
TWICE = Copy(
    "ok",
    "tick",
    N_("Payment received"),
    N_(
        "This was paid for already, so <b>%(received)s</b> is on your balance. "
        "Questions? Contact %(merchant)s with reference <b>%(reference)s</b>."
    ),
    action=CONTINUE,
    does="onward",
    second=SAVE,
    second_does="receipt",
)
TOO_MUCH = N_("You paid more than was needed: <b>%(excess)s</b> is on your balance.")

# Old links are opened again: each state in which nothing more may be asked has its own page.
CLOSED: Mapping[str, Copy] = {
    "paid": Copy(
        "ok",
        "tick",
        N_("This is paid already"),
        N_(
            "Another payment has paid for this. You do not need to pay again. "
            "Questions? Quote reference <b>%(reference)s</b>."
        ),
        action=CONTINUE,
        does="onward",
        second=CONTACT,
        second_does="contact",
    ),
    "void": Copy(
        "info",
        "cross",
        N_("This request was cancelled"),
        N_(
            "%(merchant)s has cancelled this request or changed its price. "
            "Nothing more can be paid here."
        ),
        action=N_("See the plans"),
        does="plans",
        second=CONTACT,
        second_does="contact",
    ),
    "old": Copy(
        "info",
        "clock",
        N_("This payment link has expired"),
        N_("It is more than 30 days old, and prices may have changed. Please start again."),
        action=N_("See the plans"),
        does="plans",
        second=CONTACT,
        second_does="contact",
    ),
}
