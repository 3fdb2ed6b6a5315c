"""Every shilling, twice. Entries are only ever added; the entries of a transfer sum to zero.

The database holds both rules itself: a trigger refuses a statement whose transfers do not sum to
zero, another refuses UPDATE and DELETE (migration 0001). Positive amounts are debits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app import clock, direct, many
from app.extensions import Model

RECEIVABLE = "receivable"
INCOME = "income"
SUSPENSE = "suspense"
REFUNDS = "refunds"


def mpesa(shortcode: str) -> str:
    return f"mpesa:{shortcode}"


def balance(subscriber_id: int) -> str:
    return f"balance:{subscriber_id}"


class LedgerEntry(Model):
    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="not_zero"),
        # Of the accounts only this one is asked for by its name.
        Index(
            "ix_ledger_entry_suspense",
            "merchant_id",
            postgresql_where=text(f"account = '{SUSPENSE}'"),
        ),
        Index(
            "ix_ledger_entry_receipt", "receipt_id", postgresql_where=text("receipt_id is not null")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    transfer: Mapped[UUID]
    account: Mapped[str]
    amount: Mapped[int]  # whole shillings; debits are positive
    receipt_id: Mapped[int | None]
    invoice_id: Mapped[int | None]
    posted_at: Mapped[datetime]


@dataclass(frozen=True)
class Transfer:
    """Account -> shillings. Zeros are left out; the database refuses an imbalance."""

    merchant_id: int
    amounts: Mapping[str, int]
    receipt_id: int | None = None
    invoice_id: int | None = None


def post(
    merchant_id: int,
    amounts: Mapping[str, int],
    *,
    receipt_id: int | None = None,
    invoice_id: int | None = None,
) -> None:
    post_all([Transfer(merchant_id, amounts, receipt_id, invoice_id)])


def post_all(transfers: Sequence[Transfer]) -> None:
    rows = [row for transfer in transfers for row in _rows(transfer)]
    many.insert(direct.of_session(), LedgerEntry, rows)  # one statement: the trigger sums it


def _rows(transfer: Transfer) -> list[dict[str, object]]:
    common = {
        "merchant_id": transfer.merchant_id,
        "transfer": uuid4(),
        "receipt_id": transfer.receipt_id,
        "invoice_id": transfer.invoice_id,
        "posted_at": clock.now(),
    }
    amounts = transfer.amounts.items()
    return [common | {"account": a, "amount": amount} for a, amount in amounts if amount]
