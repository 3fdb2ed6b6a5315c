"""Why money did not come, and what to do about it, in the customer's words (ux.md §4.2)."""

from collections.abc import Mapping

from app.daraja import Reason
from app.web.sentences import AGAIN, CONTACT, N_, NEW_REQUEST, OTHER_NUMBER, Copy

REASONS: Mapping[str, Copy] = {
    Reason.INSUFFICIENT_FUNDS: Copy(
        "bad",
        "wallet",
        N_("Not enough money in M-PESA"),
        N_(
            "You need <b>%(amount)s</b> plus any M-PESA charge. "
            "Add money or use Fuliza, then try again."
        ),
        action=AGAIN,
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.WRONG_PIN: Copy(
        "bad",
        "pin",
        N_("Wrong M-PESA PIN"),
        N_(
            "M-PESA did not accept the PIN. "
            "Try again slowly: too many wrong PINs will lock your M-PESA."
        ),
        tips=(N_("Forgot your PIN? Dial <b>*334#</b>, then My Account, then M-PESA PIN Manager."),),
        action=AGAIN,
        does="retry",
    ),
    Reason.PIN_LOCKED: Copy(
        "bad",
        "lock",
        N_("Your M-PESA PIN is locked"),
        N_(
            "M-PESA locked the PIN after several wrong tries. "
            "Unlock it, then come back here to pay."
        ),
        tips=(
            N_("Dial <b>*334#</b>, then My Account, then M-PESA PIN Manager, then Unlock."),
            N_("Or call Safaricom on <b>100</b> (prepay) or <b>200</b> (postpay)."),
        ),
        action=N_("I have unlocked it, try again"),
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.CANCELLED: Copy(
        "info",
        "cross",
        N_("You cancelled the payment"),
        N_(
            "The M-PESA message was closed before a PIN was entered. "
            "You can start again when you are ready."
        ),
        action=AGAIN,
        does="retry",
        second=N_("Not now"),
        second_does="onward",
    ),
    Reason.EXPIRED: Copy(
        "warn",
        "clock",
        N_("The M-PESA message timed out"),
        N_(
            "No PIN was entered in time. "
            "Unlock your phone and keep it in your hand, then try again."
        ),
        action=NEW_REQUEST,
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.UNREACHABLE: Copy(
        "warn",
        "signal",
        N_("We could not reach your phone"),
        N_("M-PESA got no answer from <b>%(phone)s</b>."),
        tips=(
            N_("Check that the phone is on and has network."),
            N_("Unlock the screen and close other apps."),
            N_("Still nothing? Dial <b>*234*1*6#</b> to update your SIM."),
        ),
        action=NEW_REQUEST,
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.IN_PROGRESS: Copy(
        "warn",
        "swap",
        N_("Another M-PESA payment is open"),
        N_(
            "M-PESA allows one transaction at a time on <b>%(phone)s</b>. "
            "Finish it or close it, then try again."
        ),
        action=AGAIN,
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.BUSY: Copy(
        "warn",
        "busy",
        N_("M-PESA is very busy"),
        N_("This is on M-PESA’s side, not your phone. Please try again in a moment."),  # noqa: RUF001
        action=AGAIN,
        does="retry",
    ),
    Reason.PUSH_FAILED: Copy(
        "warn",
        "alert",
        N_("The request did not reach M-PESA"),
        N_("Nothing was sent to your phone. Please try again."),
        action=AGAIN,
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.NOT_SENT: Copy(
        "warn",
        "alert",
        N_("The request was not sent"),
        N_("We could not send the request in time. Nothing was sent to your phone."),
        action=AGAIN,
        does="retry",
        second=OTHER_NUMBER,
        second_does="number",
    ),
    Reason.LIMIT: Copy(
        "bad",
        "limit",
        N_("Over your M-PESA limit"),
        N_(
            "This payment is above what your M-PESA line can send today. "
            "Try again tomorrow, or pay from another line."
        ),
        tips=(N_("To see your limit, look at the last line of your latest M-PESA SMS."),),
        action=OTHER_NUMBER,
        does="number",
        second=AGAIN,
        second_does="retry",
    ),
    Reason.NOT_REGISTERED: Copy(
        "bad",
        "sim",
        N_("This number has no M-PESA"),
        N_(
            "<b>%(phone)s</b> is not registered for M-PESA. "
            "Check the number or use another Safaricom line."
        ),
        action=N_("Change the number"),
        does="number",
    ),
    Reason.MERCHANT_PROBLEM: Copy(
        "bad",
        "alert",
        N_("M-PESA is not available here"),
        N_(
            "%(merchant)s cannot take M-PESA payments right now. "
            "We have told them. Trying again will not help yet."
        ),
        action=CONTACT,
        does="contact",
        second=AGAIN,
        second_does="retry",
    ),
    Reason.NO_ANSWER: Copy(
        "warn",
        "clock",
        N_("M-PESA did not tell us"),
        N_(
            "M-PESA never told us whether this payment went through. "
            "If you have not paid, you can send a new request."
        ),
        action=NEW_REQUEST,
        does="retry",
        second=CONTACT,
        second_does="contact",
    ),
    Reason.UNKNOWN: Copy(
        "bad",
        "alert",
        N_("The payment did not go through"),
        N_(
            "M-PESA answered with a code we do not know (%(code)s). "
            "If it happens again, contact us with reference <b>%(reference)s</b>."
        ),
        action=AGAIN,
        does="retry",
        second=CONTACT,
        second_does="contact",
    ),
}
