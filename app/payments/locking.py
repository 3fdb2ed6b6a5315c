"""Lock late, lock fresh, and always in this order: Payment, receipt number, nameless money, Receipt,
Invoice, Subscription, Subscriber; of several of one kind the smaller id first. The audit's head is last.
Who takes what nobody holds, and waits for none of it, needs no order: chains.py.

What a lock is for: the payment's its status; the receipt's its owner and what of it is in suspense;
the subscriber's every balance that is theirs.
"""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import Select, select

from app import crypto
from app.billing.models import Invoice, Subscriber, Subscription
from app.extensions import Model, db
from app.payments import limits
from app.payments.models import Payment, Receipt

# FOR NO KEY UPDATE (`key_share`): whoever only refers to the row, as a new callback does, is not held up.
# A plain FOR UPDATE answers with what the session already holds, which may be stale.
FRESH = {"populate_existing": True}

M = TypeVar("M", bound=Model)


def locked(payment_id: int) -> Payment:
    """The payment, ours alone until commit."""
    query = select(Payment).where(Payment.id == payment_id).with_for_update(key_share=True)
    return db.session.scalars(query, execution_options=FRESH).one()


def locked_free(payment_ids: Collection[int]) -> list[Payment]:
    """Those of these payments that nobody holds: for who must not wait, and can come again."""
    query = select(Payment).where(Payment.id.in_(payment_ids)).order_by(Payment.id)
    locking = query.with_for_update(key_share=True, skip_locked=True)
    return list(db.session.scalars(locking, execution_options=FRESH))


def locked_invoice(invoice_id: int) -> Invoice:
    """The invoice and its subscription, in this order."""
    query = select(Invoice).where(Invoice.id == invoice_id).with_for_update(key_share=True)
    invoice = db.session.scalars(query, execution_options=FRESH).one()
    mine = select(Subscription).where(Subscription.id == invoice.subscription_id)
    db.session.scalars(mine.with_for_update(key_share=True), execution_options=FRESH).one()
    return invoice


def locked_number(code: str) -> None:
    """Whoever verifies a receipt number, or looks whether it is there, does so alone until commit."""
    limits.lock_key(number_key(code))


def number_key(code: str) -> bytes:
    return crypto.blind_index(code, "receipt")


def locked_nameless(merchant_id: int, amount: int) -> None:
    """Money whose number is not known, and a line's whose payment is not: whoever books one of them
    looks for the other first, and does so alone until commit."""
    limits.lock_key(nameless_key(merchant_id, amount))


def nameless_key(merchant_id: int, amount: int) -> bytes:
    return crypto.blind_index(f"{merchant_id}|{amount}", "nameless")


def locked_receipt(receipt_id: int) -> Receipt:
    query = select(Receipt).where(Receipt.id == receipt_id).with_for_update(key_share=True)
    return db.session.scalars(query, execution_options=FRESH).one()


def locked_subscribers(*subscriber_ids: int) -> None:
    """A balance is a sum over rows: whoever changes it holds its owner's lock."""
    query = select(Subscriber.id).where(Subscriber.id.in_(subscriber_ids)).order_by(Subscriber.id)
    db.session.execute(query.with_for_update(key_share=True)).all()


def locked_open_invoices(subscriber_id: int) -> list[Invoice]:
    """What the subscriber's running subscriptions owe, and these subscriptions."""
    running = (Subscription.subscriber_id == subscriber_id, Subscription.cancelled_at.is_(None))
    theirs = select(Subscription.id).where(*running)
    query = select(Invoice).where(
        Invoice.subscription_id.in_(theirs),
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )
    invoices = _all_locked(query.order_by(Invoice.id))
    mine = {invoice.subscription_id for invoice in invoices}
    _all_locked(select(Subscription).where(Subscription.id.in_(mine)).order_by(Subscription.id))
    return invoices


def _all_locked(query: Select[M]) -> list[M]:
    locking = query.with_for_update(key_share=True)
    return list(db.session.scalars(locking, execution_options=FRESH))
