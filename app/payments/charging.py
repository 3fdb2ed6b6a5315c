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
from datetime import timedelta

from sqlalchemy import select

from app import audit, clock, crypto
from app.billing import invoices, subscriptions
from app.billing.models import Invoice, Plan
from app.daraja import Accepted, Credentials, Prompt, Reason, Refused
from app.extensions import db
from app.payments import alerts, limits, schedule
from app.payments.locking import locked
from app.payments.models import Payment
from app.payments.states import CREATED, FAILED, PENDING, SENDING, UNCONFIRMED
from app.settings import settings

UNSENT_LIFE = timedelta(seconds=30)  # a prompt that comes later than this surprises its owner


@dataclass(frozen=True)
class Payer:
    """Who is at the other end: the phone that pays (2547…), and the browser's address."""

    phone: str
    address: str | None

    @property
    def address_index(self) -> bytes | None:
        return crypto.blind_index(self.address, "address") if self.address else None


def buy(plan: Plan, payer: Payer, attempt: str) -> Payment:
    """The payment of this attempt, made when new. Raises MustWait. The caller commits, then rings."""
    limits.lock(crypto.blind_index(f"{plan.merchant_id}|{attempt}", "attempt"))
    mine = (Payment.merchant_id == plan.merchant_id, Payment.attempt == attempt)
    if payment := db.session.scalar(select(Payment).where(*mine)):
        return payment
    index = subscriptions.phone_index(payer.phone)
    limits.lock(index)
    limits.check(limits.Ask(plan.merchant_id, index, plan.price, payer.address_index))
    person = subscriptions.subscriber(plan.merchant_id, payer.phone)
    invoice = invoices.open_for(subscriptions.subscription(plan, person))
    return open_payment(invoice, payer, attempt=attempt)


def open_payment(
    invoice: Invoice, payer: Payer, *, attempt: str | None = None, retry_of: Payment | None = None
) -> Payment:
    """A new attempt to collect the invoice. Its amount is frozen here, from the invoice (M4)."""
    token = crypto.new_token()
    payment = Payment(
        merchant_id=invoice.merchant_id,
        invoice=invoice,
        token=token,
        attempt=attempt,
        retry_of_id=retry_of.id if retry_of else None,
        amount=invoice.amount,
        phone_index=subscriptions.phone_index(payer.phone),
        phone_sealed=crypto.seal(payer.phone.encode(), f"payment.phone|{token}"),
        address_index=payer.address_index,
    )
    db.session.add(payment)
    db.session.flush()
    audit.record(payment, "payment.created", actor="customer", amount=payment.amount)
    return payment


@dataclass(frozen=True)
class Claimed:
    """A payment that is ours to send, and what to send. From here on nobody else will."""

    payment_id: int
    credentials: Credentials
    prompt: Prompt


def claim() -> Claimed | None:
    """The oldest unsent payment, moved to `sending`; None when there is none. Commit before sending."""
    fresh = Payment.created_at > clock.now() - UNSENT_LIFE
    query = select(Payment).where(Payment.status == CREATED, fresh).order_by(Payment.created_at)
    payment = db.session.scalar(query.limit(1).with_for_update(skip_locked=True))
    if payment is None:
        return None
    hook = crypto.new_hook_token()
    payment.hook_hash = crypto.token_hash(hook)
    payment.sending_at = clock.now()
    payment.move_to(SENDING, actor="worker")
    return Claimed(payment.id, payment.merchant.credentials(), _prompt(payment, hook))


def _prompt(payment: Payment, hook: str) -> Prompt:
    return Prompt(
        phone=payment.phone,
        amount=payment.amount,
        reference=payment.invoice.reference,
        description="Subscription",
        callback_url=f"{settings().public_base_url}/hooks/v1/d/{hook}",
    )


def accepted(payment_id: int, answer: Accepted) -> None:
    """Safaricom will prompt. It may have told us the end already, by callback."""
    payment = locked(payment_id)
    if payment.checkout_index is None:
        payment.checkout_request_id = answer.checkout_request_id
    if payment.status == SENDING:
        payment.accepted_at = clock.now()
        payment.move_to(PENDING, actor="safaricom")
    if payment.next_question_at is None and payment.status in (PENDING, UNCONFIRMED):
        schedule.plan_next(payment)


def refused(payment_id: int, answer: Refused) -> None:
    """Safaricom's own no: nothing was sent to the phone."""
    payment = locked(payment_id)
    if payment.status in (SENDING, UNCONFIRMED):
        payment.code = answer.code or None
        payment.ended_at = clock.now()
        payment.next_question_at = None
        payment.move_to(FAILED, actor="safaricom", reason=answer.reason, code=answer.code)
    else:
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
    query = select(Payment).where(Payment.status == CREATED, stale).limit(100)
    payments = db.session.scalars(query.with_for_update(skip_locked=True)).all()
    for payment in payments:
        payment.ended_at = clock.now()
        payment.move_to(FAILED, actor="sweep", reason=Reason.NOT_SENT)
    return len(payments)


def give_up_waiting() -> int:
    """Calls unconfirmed what died while sending, and what nobody told us about. Returns how many."""
    lost = clock.now() - timedelta(
        seconds=4 * (settings().push_connect_seconds + settings().push_read_seconds) + 10
    )
    silent = clock.now() - limits.PROMPT_LIFE
    moved = 0
    for overdue in (
        (Payment.status == SENDING, Payment.sending_at <= lost),
        (Payment.status == PENDING, Payment.accepted_at <= silent),
    ):
        query = select(Payment).where(*overdue).limit(100).with_for_update(skip_locked=True)
        for payment in db.session.scalars(query).all():
            payment.move_to(UNCONFIRMED, actor="sweep", why="nobody has told us in time")
            if payment.next_question_at is None:
                schedule.plan_next(payment)
            moved += 1
    return moved
