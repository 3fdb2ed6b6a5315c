"""What a payment that was paid does to invoice, subscription and books: booking.py, as rows."""

from datetime import datetime
from uuid import uuid4

from app import ledger
from app.billing import periods
from app.cli.history.book import Book, Row
from app.cli.history.buyers import Buyer
from app.ledger import LedgerEntry
from app.payments.models import Allocation, Receipt

SETTLEMENT = "settlement"


def receive(book: Book, payment: Row, buyer: Buyer, code: str | None, source: str) -> Row:
    """M-PESA's money, in full; where it goes is said next."""
    return book.add(
        Receipt,
        payment_id=payment["id"],
        subscriber_id=buyer.subscriber["id"],
        code=code,
        amount=payment["amount"],
        source=source,
        paid_at=payment["paid_at"].replace(microsecond=0),
        created_at=payment["paid_at"],
    )


def pay(book: Book, buyer: Buyer, invoice: Row, receipt: Row) -> None:
    """The invoice is covered, and its period is sold."""
    at: datetime = receipt["created_at"]
    book.add(
        Allocation,
        receipt_id=receipt["id"],
        invoice_id=invoice["id"],
        amount=receipt["amount"],
        created_at=at,
    )
    mpesa, amount = ledger.mpesa(book.merchant.number), invoice["amount"]
    _post(book, receipt, invoice, {mpesa: amount, ledger.RECEIVABLE: -amount})
    _post(book, None, invoice, {ledger.RECEIVABLE: amount, ledger.INCOME: -amount}, at)
    _extend(book, buyer, invoice, at)


def keep(book: Book, buyer: Buyer, receipt: Row) -> None:
    """Nothing is owed: it is on the balance."""
    subscriber_id = buyer.subscriber["id"]
    amount = receipt["amount"]
    book.add(
        Allocation,
        receipt_id=receipt["id"],
        subscriber_id=subscriber_id,
        amount=amount,
        created_at=receipt["created_at"],
    )
    mpesa = ledger.mpesa(book.merchant.number)
    _post(book, receipt, None, {mpesa: amount, ledger.balance(subscriber_id): -amount})


def _post(
    book: Book,
    receipt: Row | None,
    invoice: Row | None,
    amounts: dict[str, int],
    at: datetime | None = None,
) -> None:
    transfer = uuid4()
    for account, amount in amounts.items():
        book.add(
            LedgerEntry,
            transfer=transfer,
            account=account,
            amount=amount,
            receipt_id=receipt["id"] if receipt else None,
            invoice_id=invoice["id"] if invoice else None,
            posted_at=receipt["created_at"] if receipt else at,
        )


def _extend(book: Book, buyer: Buyer, invoice: Row, at: datetime) -> None:
    """Early adds to the time left; after a lapse it starts now (M11)."""
    subscription, plan = buyer.subscription, buyer.plan
    start = subscription["paid_through"]
    if start is None or start <= at:
        start = at
        subscription["anchor_day"] = periods.anchor_day(start)
    anchor = subscription["anchor_day"]
    end = periods.end_of_period(start, plan.unit, plan.every, anchor)
    invoice |= {"period_start": start, "period_end": end, "paid_at": at}
    subscription["paid_through"] = end
    buyer.invoice = None
    what = ("subscription.extended", SETTLEMENT)
    told = {"invoice": invoice["id"], "until": end.isoformat()}
    book.record(at, ("subscription", subscription), what, **told)
