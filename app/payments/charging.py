"""Ask a customer for money: write the payment down, then send its prompt at most once.

What can happen between the lines (M5):
- crash before the payment is committed: nothing was promised, the form is still there;
- crash after it, before `claim`: it is `created`, and the sweep sends it, or fails it after 30 s;
- crash after `claim` committed: it is `sending`; nobody sends it again, the sweep calls it
  unconfirmed, and Safaricom's callback still finds it by its hook token;
- two workers claim at once: SKIP LOCKED and the status under the row's lock let one of them have it;
- the callback overtakes the push's answer: it moves the payment first, the answer only adds its id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import select

from app import audit, clock, crypto
from app.billing import invoices, subscriptions
from app.billing.models import Invoice, Plan
from app.daraja import Accepted, Credentials, Prompt, Reason, Refused
from app.extensions import db
from app.payments import alerts, gate, limits, schedule
from app.payments.locking import locked
from app.payments.models import Payment, checkout_index, phone_place
from app.payments.states import CREATED, FAILED, PENDING, SENDING, UNCONFIRMED
from app.settings import settings

AT_ONCE = 100  # rows of one transaction of the sweep
UNSENT_LIFE = timedelta(seconds=30)  # a prompt that comes later than this surprises its owner


@dataclass(frozen=True)
class Payer:
    """Who is at the other end: the phone that pays (2547…), the browser's address, whence and whither.

    Staff may ask for them: then `asked_by` is theirs, and there is no address that could be counted.
    """

    phone: str
    address: str | None
    ref: str | None = None  # the merchant's own, from the pay link
    return_url: str | None = None  # one that the merchant allows
    asked_by: str = gate.CUSTOMER  # as audit events name them
    insists: bool = False  # was told that M-PESA is busy, and tries all the same
    language: str | None = None  # that they pay in, and are spoken to from now on
    consent: int | None = None  # the version of the privacy notice that they read

    @cached_property
    def phone_index(self) -> bytes:
        return subscriptions.phone_index(self.phone)

    @cached_property
    def address_index(self) -> bytes | None:
        return limits.address_key(self.address) if self.address else None

    def facts(self, token: str) -> dict[str, Any]:
        """What a payment of this token keeps of them, by column."""
        return {
            "token": token,
            "phone_index": self.phone_index,
            "phone_sealed": crypto.seal(self.phone.encode(), phone_place(token)),
            "address_index": self.address_index,
            "ref": self.ref,
            "return_url": self.return_url,
            "consent_version": self.consent,
            "consent_language": self.language if self.consent else None,
        }


def buy(plan: Plan, payer: Payer, attempt: str) -> Payment:
    """The payment of this attempt, made when new. Raises MustWait. The caller commits, then rings."""
    if payment := repeated(plan.merchant_id, attempt):
        return payment
    ask = limits.Ask(plan.merchant_id, payer.phone_index, plan.price, payer.address_index)
    limits.lock(ask)
    limits.check(ask)
    gate.enter(plan.merchant, asked_by=payer.asked_by, insists=payer.insists)
    person = subscriptions.subscriber(plan.merchant_id, payer.phone)
    subscription = subscriptions.subscription(plan, person, payer.asked_by)
    invoice = invoices.open_for(subscription, payer.asked_by)
    subscriptions.keep(subscription, payer.asked_by)
    person.language = payer.language or person.language  # the person's lock comes after theirs
    return open_payment(invoice, payer, attempt=attempt)


def repeated(merchant_id: int, attempt: str) -> Payment | None:
    """What this attempt has made already. None: nobody makes it but us, until commit."""
    limits.lock_key(limits.attempt_key(merchant_id, attempt))
    mine = (Payment.merchant_id == merchant_id, Payment.attempt == attempt)
    return db.session.scalar(select(Payment).where(*mine))


def open_payment(
    invoice: Invoice, payer: Payer, *, attempt: str | None = None, retry_of: Payment | None = None
) -> Payment:
    """A new attempt to collect the invoice, which the caller has locked: its amount is frozen here
    (M4). Raises MustWait."""
    limits.check_invoice(invoice.id)
    payment = Payment(
        merchant_id=invoice.merchant_id,
        invoice=invoice,
        plan_id=invoice.subscription.plan_id,
        attempt=attempt,
        retry_of_id=retry_of.id if retry_of else None,
        amount=invoice.amount,
        **payer.facts(crypto.new_token()),
    )
    db.session.add(payment)
    db.session.flush()
    audit.record(payment, "payment.created", actor=payer.asked_by, amount=payment.amount)
    return payment


@dataclass(frozen=True)
class Claimed:
    """A payment that is ours to send, and what to send. From here on nobody else will."""

    payment_id: int
    credentials: Credentials
    prompt: Prompt


def claim() -> Claimed | None:
    """The oldest unsent payment, moved to `sending`; None when there is none. Commit before sending."""
    while payment := _oldest_unsent(gates := gate.standing()):
        if not gate.lets_out(payment, gates):
            continue
        hook = crypto.new_hook_token()
        try:
            claimed = Claimed(payment.id, payment.merchant.credentials(), _prompt(payment, hook))
        except (crypto.CannotOpen, ValueError) as error:
            _cannot_send(payment, error)
            continue
        payment.hook_hash = crypto.token_hash(hook)
        payment.shortcode = claimed.credentials.shortcode
        payment.sending_at = clock.now()
        payment.move_to(SENDING, actor="worker")
        return claimed
    return None


def _oldest_unsent(gates: gate.Gates) -> Payment | None:
    fresh = (Payment.created_at > clock.now() - UNSENT_LIFE, *gate.not_waiting(gates))
    query = select(Payment).where(Payment.status == CREATED, *fresh).order_by(Payment.created_at)
    return db.session.scalar(query.limit(1).with_for_update(skip_locked=True, key_share=True))


def _cannot_send(payment: Payment, error: Exception) -> None:
    """Secrets that do not open are the operator's to mend; the others' prompts do not wait for that."""
    payment.ended_at = clock.now()
    payment.move_to(FAILED, actor="worker", reason=Reason.MERCHANT_PROBLEM)
    alerts.raise_for(
        payment, "cannot_send", f"The prompt could not be made: {type(error).__name__}."
    )
    db.session.flush()


def _prompt(payment: Payment, hook: str) -> Prompt:
    return Prompt(
        phone=payment.phone or "",  # which Prompt refuses; and what waits to be sent has one
        amount=payment.amount,
        reference=payment.invoice.reference,
        description="Subscription",
        callback_url=f"{settings().public_base_url}/hooks/v1/d/{hook}",
    )


def accepted(payment_id: int, answer: Accepted) -> None:
    """Safaricom will prompt. It may have told us the end already, by callback."""
    payment = locked(payment_id)
    sending = payment.status == SENDING
    identify(payment, answer.checkout_request_id, clock.now() if sending else payment.sending_at)
    if sending:
        payment.move_to(PENDING, actor="safaricom")
    if payment.next_question_at is None and payment.status in (PENDING, UNCONFIRMED):
        schedule.plan_next(payment)


def identify(payment: Payment, checkout_request_id: str, at: datetime | None) -> None:
    """Safaricom knows the payment by this id, and so it has accepted the push, at about `at`.

    The ids are guessable, and not proven to be unique for ever: one that another payment has says
    nothing. Such a payment cannot be asked about, and is settled by its hook token alone.
    """
    payment.accepted_at = payment.accepted_at or at
    if payment.checkout_index is not None:
        return
    taken = select(Payment.id).where(Payment.checkout_index == checkout_index(checkout_request_id))
    if db.session.scalar(taken) is None:
        payment.checkout_request_id = checkout_request_id
        db.session.flush()
    else:
        alerts.raise_for(payment, "same_id", "M-PESA gave an id that another payment has.")


def refused(payment_id: int, answer: Refused) -> None:
    """Safaricom's own no: nothing was sent to the phone."""
    payment = locked(payment_id)
    if payment.status in (SENDING, UNCONFIRMED):
        payment.code = answer.code or None
        payment.ended_at = clock.now()
        payment.next_question_at = None
        payment.move_to(FAILED, actor="safaricom", reason=answer.reason, code=answer.code)
    elif (payment.status, payment.reason) != (FAILED, answer.reason):  # else: written down already
        text = f"The push was refused ({answer.code}), yet the payment is {payment.status}."
        alerts.raise_for(payment, "contradiction", text)


def unanswered(payment_id: int) -> None:
    """Silence: the prompt may be on the phone. Never sent again, never failed by our own clock."""
    payment = locked(payment_id)
    if payment.status == SENDING:
        payment.move_to(UNCONFIRMED, actor="worker", why="no answer to the push")
        schedule.plan_next(payment)


def give_up_unsent() -> int:
    """Fails what nobody sent in time: it will never be sent. Returns how many."""
    stale = Payment.created_at <= clock.now() - UNSENT_LIFE
    query = select(Payment).where(Payment.status == CREATED, stale).limit(AT_ONCE)
    payments = db.session.scalars(query.with_for_update(skip_locked=True, key_share=True)).all()
    for payment in payments:
        payment.ended_at = clock.now()
        payment.move_to(FAILED, actor="sweep", reason=Reason.NOT_SENT)
    return len(payments)


def give_up_waiting() -> int:
    """Calls unconfirmed what died while sending, and what nobody told us about. Returns how many."""
    lost = clock.now() - schedule.longest_call()
    silent = clock.now() - limits.PROMPT_LIFE
    moved = 0
    for overdue in (
        (Payment.status == SENDING, Payment.sending_at <= lost),
        (Payment.status == PENDING, Payment.accepted_at <= silent),
    ):
        query = (
            select(Payment)
            .where(*overdue)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True, key_share=True)
        )
        for payment in db.session.scalars(query).all():
            payment.move_to(UNCONFIRMED, actor="sweep", why="nobody has told us in time")
            if payment.next_question_at is None:
                schedule.plan_next(payment)
            moved += 1
    return moved
