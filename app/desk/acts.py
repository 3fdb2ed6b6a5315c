"""What staff do with one payment. The caller holds its lock, commits, then rings."""

from sqlalchemy import select

from app import audit, clock
from app.billing.subscribers import GONE
from app.desk.models import LONGEST_NOTE, Note
from app.errors import Refused
from app.extensions import db
from app.payments import customer, schedule
from app.payments.models import Payment
from app.payments.states import CREATED, LIVE, PAID, SENDING

NO_NUMBER = "M-PESA never gave this payment a number to be asked by. Only a message can end it."


def ask_now(payment: Payment, actor: str) -> None:
    """M-PESA is asked before all others. Raises Refused with a sentence; so do all of these."""
    if why := why_not_ask(payment):
        raise Refused(why)
    schedule.hurry(payment)
    audit.record(payment, "payment.asked", actor=actor)


def why_not_ask(payment: Payment) -> str | None:
    on_its_way = payment.status in (CREATED, SENDING)
    known = (
        (payment.status == PAID, "It is paid: there is nothing to ask."),
        (on_its_way, "The request is still on its way to M-PESA. Look again in some seconds."),
        (payment.phone_index is None, GONE),
        (payment.checkout_index is None, NO_NUMBER),
    )
    return next((why for holds, why in known if holds), None)


def send_again(payment: Payment, actor: str) -> tuple[Payment, bool]:
    """A new request for the same invoice, and whether it is new; a second click finds the first.

    The phone's rules are the customer's own: raises MustWait as for them.
    """
    if later := later_try(payment):
        return later, False
    if why := why_not_again(payment):
        raise Refused(why)
    return customer.again(payment, None, None, asked_by=actor)


def later_try(payment: Payment) -> Payment | None:
    return db.session.scalar(select(Payment).where(Payment.retry_of_id == payment.id))


def why_not_again(payment: Payment) -> str | None:
    invoice = payment.invoice
    is_old = payment.created_at <= clock.now() - customer.LINK_LIFE
    known = (
        (payment.status == PAID, "It is paid."),
        (payment.phone_index is None, GONE),
        (payment.status in LIVE, "Its request is still open on the phone."),
        (invoice.paid_at is not None, "What it was for is paid already."),
        (invoice.voided_at is not None, "What it was for is not owed any more."),
        (is_old, "It is older than 30 days: the customer starts again from the plans."),
    )
    return next((why for holds, why in known if holds), None)


def note(payment: Payment, staff_id: int, text: str) -> Note:
    kept = "".join(c for c in text.replace("\r", "") if c.isprintable() or c == "\n").strip()
    if not 1 <= len(kept) <= LONGEST_NOTE:
        raise Refused(f"Write 1 to {LONGEST_NOTE:,} characters.")
    made = Note(
        merchant_id=payment.merchant_id, payment_id=payment.id, staff_id=staff_id, text=kept
    )
    db.session.add(made)
    db.session.flush()
    audit.record(payment, "payment.noted", actor=f"staff:{staff_id}", note=made.id)
    return made
