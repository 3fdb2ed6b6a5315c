"""Put a receipt's shillings where they belong: one commit with the payment that brought them.

Every shilling goes on the invoice or on the subscriber's balance, as `Allocation` rows and as
ledger transfers. The caller holds the payment's lock; here follow invoice, subscription, subscriber.
"""

from sqlalchemy import func, select

from app import audit, clock, ledger
from app.billing import subscriptions
from app.billing.models import Invoice, Subscriber
from app.extensions import db
from app.payments import alerts
from app.payments.locking import FRESH, locked_invoice
from app.payments.models import Allocation, Payment, Receipt
from app.payments.states import LIVE


def book(receipt: Receipt, payment: Payment) -> None:
    invoice = locked_invoice(payment.invoice_id)
    subscriber_id = _locked_subscriber(invoice)
    receipt.subscriber_id = subscriber_id
    mpesa = ledger.mpesa(payment.merchant.number)
    if invoice.open and receipt.amount + balance(subscriber_id) >= invoice.amount:
        _pay(invoice, receipt, mpesa)
        return
    _to_balance(receipt, receipt.amount, mpesa)
    _tell(payment, invoice, receipt)
    _pay_what_is_open(invoice)


def _locked_subscriber(invoice: Invoice) -> int:
    """The balance is a sum over rows: whoever changes it holds its owner's lock."""
    subscriber_id = invoice.subscription.subscriber_id
    query = (
        select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update(key_share=True)
    )
    return db.session.scalars(query, execution_options=FRESH).one()


def balance(subscriber_id: int) -> int:
    """Whole shillings that are the subscriber's and on no invoice yet."""
    query = select(func.coalesce(func.sum(Allocation.amount), 0))
    return int(db.session.scalar(query.where(Allocation.subscriber_id == subscriber_id)) or 0)


def _pay(invoice: Invoice, receipt: Receipt, mpesa: str) -> None:
    """The receipt pays first, the balance fills up, the excess goes to the balance (M4)."""
    from_receipt = min(receipt.amount, invoice.amount)
    _allocate(receipt, invoice, from_receipt)
    ledger.post(
        receipt.merchant_id,
        {mpesa: from_receipt, ledger.RECEIVABLE: -from_receipt},
        receipt_id=receipt.id,
        invoice_id=invoice.id,
    )
    if excess := receipt.amount - from_receipt:
        _to_balance(receipt, excess, mpesa)
    if missing := invoice.amount - from_receipt:
        _from_balance(invoice, missing)
    _sell(invoice)


def _sell(invoice: Invoice) -> None:
    """The period is sold in the commit in which it is paid for: nothing is owed in between."""
    ledger.post(
        invoice.merchant_id,
        {ledger.RECEIVABLE: invoice.amount, ledger.INCOME: -invoice.amount},
        invoice_id=invoice.id,
    )
    subscriptions.extend(invoice, clock.now())


def _allocate(receipt: Receipt, invoice: Invoice | None, amount: int) -> None:
    db.session.add(
        Allocation(
            merchant_id=receipt.merchant_id,
            receipt_id=receipt.id,
            invoice_id=invoice.id if invoice else None,
            subscriber_id=None if invoice else receipt.subscriber_id,
            amount=amount,
        )
    )
    db.session.flush()


def _to_balance(receipt: Receipt, amount: int, mpesa: str) -> None:
    _allocate(receipt, None, amount)
    account = ledger.balance(receipt.subscriber_id or 0)
    ledger.post(receipt.merchant_id, {mpesa: amount, account: -amount}, receipt_id=receipt.id)


def _from_balance(invoice: Invoice, amount: int) -> None:
    """Oldest money first, receipt by receipt, so that each shilling keeps its origin."""
    subscriber_id = invoice.subscription.subscriber_id
    for receipt, there in _on_balance(subscriber_id):
        part = min(there, amount)
        _allocate(receipt, None, -part)
        _allocate(receipt, invoice, part)
        amounts = {ledger.balance(subscriber_id): part, ledger.RECEIVABLE: -part}
        ledger.post(invoice.merchant_id, amounts, receipt_id=receipt.id, invoice_id=invoice.id)
        amount -= part
        if not amount:
            return


def _on_balance(subscriber_id: int) -> list[tuple[Receipt, int]]:
    left = func.sum(Allocation.amount)
    sums = (
        select(Allocation.receipt_id, left.label("left"))
        .where(Allocation.subscriber_id == subscriber_id)
        .group_by(Allocation.receipt_id)
        .having(left > 0)
        .subquery()
    )
    query = select(Receipt, sums.c.left).join(sums, sums.c.receipt_id == Receipt.id)
    rows = db.session.execute(query.order_by(Receipt.paid_at, Receipt.id))
    return [(receipt, int(amount)) for receipt, amount in rows]


def _tell(payment: Payment, invoice: Invoice, receipt: Receipt) -> None:
    amounts = f"KSh {receipt.amount} of {invoice.amount}"
    if invoice.open:
        alerts.raise_for(payment, "short", f"{amounts} arrived; it is on the balance.")
    elif invoice.paid_at:
        alerts.raise_for(payment, "paid_twice", f"{amounts} came for an invoice that is paid.")
    else:
        alerts.raise_for(payment, "void", f"{amounts} came for an invoice that is void.")


def _pay_what_is_open(invoice: Invoice) -> None:
    """The balance pays the subscription's next invoice, unless a prompt for it is out."""
    mine = (
        Invoice.subscription_id == invoice.subscription_id,
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )
    # Whoever has it locked is asking for it, or paying it: waiting for them here could deadlock.
    query = select(Invoice).where(*mine).with_for_update(key_share=True, skip_locked=True)
    waiting = db.session.scalar(query, execution_options=FRESH)
    if waiting is not None and not _being_asked(waiting):
        pay_from_balance(waiting)


def _being_asked(invoice: Invoice) -> bool:
    live = select(Payment.id).where(Payment.invoice_id == invoice.id, Payment.status.in_(LIVE))
    return db.session.scalar(live.limit(1)) is not None


def pay_from_balance(invoice: Invoice) -> bool:
    """Whether the balance sufficed. The caller holds invoice, subscription and subscriber."""
    if balance(invoice.subscription.subscriber_id) < invoice.amount:
        return False
    _from_balance(invoice, invoice.amount)
    _sell(invoice)
    audit.record(invoice, "invoice.paid_from_balance", actor="settlement", amount=invoice.amount)
    return True


def to_suspense(receipt: Receipt, mpesa: str) -> None:
    """Money that nobody is known for: in the books, and on a list until somebody allocates it."""
    db.session.add(receipt)
    db.session.flush()
    amounts = {mpesa: receipt.amount, ledger.SUSPENSE: -receipt.amount}
    ledger.post(receipt.merchant_id, amounts, receipt_id=receipt.id)
    audit.record(receipt, "receipt.suspended", actor="settlement", amount=receipt.amount)


def in_suspense() -> list[tuple[Receipt, int]]:
    """Receipts that are not wholly allocated, and how many shillings of each are not."""
    allocated = func.coalesce(func.sum(Allocation.amount), 0)
    query = (
        select(Receipt, Receipt.amount - allocated)
        .outerjoin(Allocation, Allocation.receipt_id == Receipt.id)
        .group_by(Receipt.id)
        .having(Receipt.amount > allocated)
    )
    rows = db.session.execute(query.order_by(Receipt.paid_at, Receipt.id))
    return [(receipt, int(left)) for receipt, left in rows]
