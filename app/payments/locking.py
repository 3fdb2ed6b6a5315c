"""Lock late, lock fresh, always Payment before Invoice before Subscription before Subscriber."""

from sqlalchemy import select

from app.billing.models import Invoice, Subscription
from app.extensions import db
from app.payments.models import Payment

# FOR NO KEY UPDATE (`key_share`): whoever only refers to the row, as a new callback does, is not held up.
# A plain FOR UPDATE answers with what the session already holds, which may be stale.
FRESH = {"populate_existing": True}


def locked(payment_id: int) -> Payment:
    """The payment, ours alone until commit."""
    query = select(Payment).where(Payment.id == payment_id).with_for_update(key_share=True)
    return db.session.scalars(query, execution_options=FRESH).one()


def locked_invoice(invoice_id: int) -> Invoice:
    """The invoice and its subscription, in this order."""
    query = select(Invoice).where(Invoice.id == invoice_id).with_for_update(key_share=True)
    invoice = db.session.scalars(query, execution_options=FRESH).one()
    mine = select(Subscription).where(Subscription.id == invoice.subscription_id)
    db.session.scalars(mine.with_for_update(key_share=True), execution_options=FRESH).one()
    return invoice
