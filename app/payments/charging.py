"""Ask a customer for money: write the payment down, then send its prompt at most once (sending.py).

What can happen between the lines (M5):
- crash before the payment is committed: nothing was promised, the form is still there;
- crash after it, before `claim`: it is `created`, and the sweep sends it, or fails it after 30 s.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select

from app import audit, clock, crypto
from app.billing import invoices, subscriptions
from app.billing.models import Invoice, Plan
from app.daraja import Accepted, Reason, Refused
from app.extensions import db
from app.payments import gate, limits, schedule, sending
from app.payments.locking import locked
from app.payments.models import Payment, phone_place
from app.payments.sending import Claimed
from app.payments.states import CREATED, FAILED, PENDING, SENDING, UNCONFIRMED

AT_ONCE = 100  # rows of one transaction of the sweep


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


def claim() -> Claimed | None:
    """The oldest unsent payment, moved to `sending`; None when there is none. Commit before sending."""
    return next(iter(sending.claim(1)), None)


def accepted(payment_id: int, answer: Accepted) -> None:
    """Safaricom will prompt. It may have told us the end already, by callback."""
    sending.hear(locked(payment_id), answer)


def refused(payment_id: int, answer: Refused) -> None:
    """Safaricom's own no: nothing was sent to the phone."""
    sending.hear(locked(payment_id), answer)


def unanswered(payment_id: int) -> None:
    """Silence: the prompt may be on the phone. Never sent again, never failed by our own clock."""
    sending.hear(locked(payment_id), None)


def give_up_unsent() -> int:
    """Fails what nobody sent in time: it will never be sent. Returns how many."""
    stale = Payment.created_at <= clock.now() - sending.UNSENT_LIFE
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
