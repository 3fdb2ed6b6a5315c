"""Put a receipt's shillings where they belong: one commit with the payment that brought them.

Every shilling goes on the invoice or on the subscriber's balance, as `Allocation` rows and as
ledger transfers. The caller holds the payment's lock; here follow invoice, subscription, subscriber.
Money comes from M-PESA's account, or, where a statement told us of it first, from suspense.
"""

from collections.abc import Sequence

from sqlalchemy import Select, func, select, true

from app import audit, clock, direct, ledger, many
from app.billing import subscriptions
from app.billing.models import Invoice
from app.extensions import db
from app.payments import alerts
from app.payments.locking import FRESH, locked_invoice, locked_subscribers
from app.payments.models import Allocation, Payment, Receipt
from app.payments.states import LIVE


def book(receipt: Receipt, payment: Payment) -> None:
    _book(receipt, payment, ledger.mpesa(payment.number))


def adopt(receipt: Receipt, payment: Payment) -> None:
    """Money that was in the books without a payment has found it. The caller holds the receipt.

    What is wholly in suspense goes where the payment's money goes. What staff have put somewhere
    meanwhile stays there: they may have told its owner.
    """
    receipt.payment_id = payment.id
    if not allocated(receipt):
        _book(receipt, payment, ledger.SUSPENSE)
        return
    text = f"KSh {receipt.amount:,} came for this payment; staff had allocated it before."
    alerts.raise_for(payment, "moved_by_staff", text)
    invoice = locked_invoice(payment.invoice_id)
    locked_subscribers(invoice.subscription.subscriber_id)
    _pay_what_is_open(invoice)


def _book(receipt: Receipt, payment: Payment, source: str) -> None:
    invoice = locked_invoice(payment.invoice_id)
    subscriber_id = invoice.subscription.subscriber_id
    locked_subscribers(subscriber_id)
    receipt.subscriber_id = subscriber_id
    if invoice.open and receipt.amount + balance(subscriber_id) >= invoice.amount:
        _pay(invoice, receipt, source)
        return
    _to_balance(receipt, receipt.amount, source)
    _tell(payment, invoice, receipt)
    _pay_what_is_open(invoice)


def balance(subscriber_id: int) -> int:
    """Whole shillings that are the subscriber's and on no invoice yet."""
    query = select(func.coalesce(func.sum(Allocation.amount), 0))
    return int(db.session.scalar(query.where(Allocation.subscriber_id == subscriber_id)) or 0)


def _pay(invoice: Invoice, receipt: Receipt, source: str) -> None:
    """The receipt pays first, the balance fills up, the excess goes to the balance (M4)."""
    from_receipt = min(receipt.amount, invoice.amount)
    _allocate(receipt, invoice, from_receipt)
    ledger.post_all([_received(invoice, receipt.id, from_receipt, source)])
    if excess := receipt.amount - from_receipt:
        _to_balance(receipt, excess, source)
    if missing := invoice.amount - from_receipt:
        _from_balance(invoice, missing)
    _sell(invoice)


def _received(invoice: Invoice, receipt_id: int, amount: int, source: str) -> ledger.Transfer:
    amounts = {source: amount, ledger.RECEIVABLE: -amount}
    return ledger.Transfer(invoice.merchant_id, amounts, receipt_id, invoice.id)


def _sell(invoice: Invoice) -> None:
    """The period is sold in the commit in which it is paid for: nothing is owed in between."""
    ledger.post_all([_sold(invoice)])
    subscriptions.extend(invoice, clock.now())


def _sold(invoice: Invoice) -> ledger.Transfer:
    amounts = {ledger.RECEIVABLE: invoice.amount, ledger.INCOME: -invoice.amount}
    return ledger.Transfer(invoice.merchant_id, amounts, invoice_id=invoice.id)


def book_exact(rows: direct.Transaction, paid: Sequence[tuple[Payment, int]]) -> None:
    """Receipts, by their ids, that pay their payments' open invoices to the shilling: nothing touches
    a balance. They are written; the caller holds payments, invoices and subscriptions.
    """
    transfers = []
    for payment, receipt_id in paid:
        invoice = payment.invoice
        source = ledger.mpesa(payment.number)
        transfers += [_received(invoice, receipt_id, payment.amount, source), _sold(invoice)]
        subscriptions.extend(invoice, clock.now())
    allocations = [_allocation(receipt_id, payment.invoice) for payment, receipt_id in paid]
    many.insert(rows, Allocation, allocations)
    ledger.post_all(transfers)


def _allocation(receipt_id: int, invoice: Invoice) -> dict[str, object]:
    return {
        "merchant_id": invoice.merchant_id,
        "receipt_id": receipt_id,
        "invoice_id": invoice.id,
        "amount": invoice.amount,
        "created_at": clock.now(),
    }


def _allocate(receipt: Receipt, invoice: Invoice, amount: int) -> None:
    _add(receipt, amount, invoice_id=invoice.id)


def put(receipt: Receipt, subscriber_id: int, amount: int) -> None:
    """On a balance, whosever it is; a negative amount is taken off. The caller posts the transfer."""
    _add(receipt, amount, subscriber_id=subscriber_id)


def _add(receipt: Receipt, amount: int, **place: int) -> None:
    ours = {"merchant_id": receipt.merchant_id, "receipt_id": receipt.id}
    db.session.add(Allocation(**ours, **place, amount=amount))
    db.session.flush()


def _to_balance(receipt: Receipt, amount: int, source: str) -> None:
    owner = receipt.subscriber_id or 0
    put(receipt, owner, amount)
    account = ledger.balance(owner)
    ledger.post(receipt.merchant_id, {source: amount, account: -amount}, receipt_id=receipt.id)


def _from_balance(invoice: Invoice, amount: int) -> None:
    """Oldest money first, receipt by receipt, so that each shilling keeps its origin."""
    subscriber_id = invoice.subscription.subscriber_id
    for receipt, there in _on_balance(subscriber_id):
        part = min(there, amount)
        put(receipt, subscriber_id, -part)
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
    amounts = f"KSh {receipt.amount:,} of {invoice.amount:,}"
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
    if waiting is not None and not being_asked(waiting):
        pay_from_balance(waiting)


def being_asked(invoice: Invoice) -> bool:
    """Whether a prompt for it is out, or on its way: its money may come by itself."""
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


def to_suspense(receipt: Receipt, mpesa: str, *, actor: str = "settlement", **why: int) -> None:
    """Money that nobody is known for: in the books, and on a list until somebody allocates it."""
    db.session.add(receipt)
    db.session.flush()
    amounts = {mpesa: receipt.amount, ledger.SUSPENSE: -receipt.amount}
    ledger.post(receipt.merchant_id, amounts, receipt_id=receipt.id)
    audit.record(receipt, "receipt.suspended", actor=actor, amount=receipt.amount, **why)


def allocated(receipt: Receipt) -> int:
    """How many of its shillings are on invoices and balances; the others are in suspense."""
    query = select(func.coalesce(func.sum(Allocation.amount), 0))
    return int(db.session.scalar(query.where(Allocation.receipt_id == receipt.id)) or 0)


def in_suspense(
    merchant_id: int | None = None, most: int | None = None
) -> list[tuple[Receipt, int]]:
    """Receipts that are not wholly allocated, and how many shillings of each are not; oldest first."""
    query = _in_suspense(merchant_id).order_by(Receipt.paid_at, Receipt.id).limit(most)
    return [(receipt, int(left)) for receipt, left in db.session.execute(query)]


def suspended_count(merchant_id: int) -> int:
    some = _in_suspense(merchant_id).with_only_columns(Receipt.id).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def _in_suspense(merchant_id: int | None) -> Select[Receipt, int]:
    placed = func.coalesce(func.sum(Allocation.amount), 0)
    mine = Receipt.merchant_id == merchant_id if merchant_id is not None else true()
    return (
        select(Receipt, Receipt.amount - placed)
        .outerjoin(Allocation, Allocation.receipt_id == Receipt.id)
        .where(Receipt.subscriber_id.is_(None), mine)  # what has an owner is wholly allocated (M1)
        .group_by(Receipt.id)
        .having(Receipt.amount > placed)
    )
