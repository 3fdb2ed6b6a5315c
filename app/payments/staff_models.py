"""What people do to money and payments by hand, and the statements that they go by."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.extensions import Model
from app.payments.models import Receipt

# What people look for among receipts: a day's, those without an owner, a number, or proof of one.
Index("ix_receipt_paid_at", Receipt.merchant_id, Receipt.paid_at)
Index(
    "ix_receipt_unowned",
    Receipt.merchant_id,
    Receipt.paid_at,
    postgresql_where=text("subscriber_id is null"),
)
Index(
    "ix_receipt_unnumbered",
    Receipt.merchant_id,
    Receipt.amount,
    postgresql_where=text("code is null"),
)
Index(
    "ix_receipt_claimed",
    Receipt.claimed_code,
    postgresql_where=text("claimed_code is not null"),
)


@dataclass(frozen=True)
class Act:
    """Who does it, why, and the form's key: the same key again is the same act."""

    staff_id: int
    reason: str
    attempt: str

    @property
    def actor(self) -> str:
        """As audit events name them."""
        return f"staff:{self.staff_id}"


class Reallocation(Model):
    """Shillings of one receipt, moved from a place to a place: suspense (null) or a balance."""

    __tablename__ = "reallocation"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "receipt_id"], ["receipt.merchant_id", "receipt.id"]),
        ForeignKeyConstraint(
            ["merchant_id", "from_subscriber_id"], ["subscriber.merchant_id", "subscriber.id"]
        ),
        ForeignKeyConstraint(
            ["merchant_id", "to_subscriber_id"], ["subscriber.merchant_id", "subscriber.id"]
        ),
        ForeignKeyConstraint(
            ["merchant_id", "undoes_id"], ["reallocation.merchant_id", "reallocation.id"]
        ),
        UniqueConstraint("merchant_id", "id"),
        UniqueConstraint("merchant_id", "attempt"),
        UniqueConstraint("undoes_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("from_subscriber_id is distinct from to_subscriber_id", name="moves"),
        Index("ix_reallocation_receipt", "receipt_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    receipt_id: Mapped[int]
    from_subscriber_id: Mapped[int | None]
    to_subscriber_id: Mapped[int | None]
    amount: Mapped[int]
    reason: Mapped[str]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    attempt: Mapped[str]  # the form's key: a double click moves money once
    undoes_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Statement(Model):
    """A file of M-PESA's organisation portal. What is in it is in its lines; it is not kept itself."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint("first_at <= last_at", name="range"),
        Index("ix_statement_merchant", "merchant_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str]
    shortcode: Mapped[str | None]  # that the file names
    rows: Mapped[int] = mapped_column(Integer)  # completed ones in the file, new to us or not
    first_at: Mapped[datetime]  # what it covers, as it says itself
    last_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class StatementLine(Model):
    """One completed row of a statement. Of the other party nothing is kept (M14)."""

    __tablename__ = "statement_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "statement_id"], ["statement.merchant_id", "statement.id"]
        ),
        # A fee has the number of the payment that it is for; money in has its own, once.
        UniqueConstraint("merchant_id", "code", "kind"),
        Index(
            "uq_statement_line_money_in",
            "merchant_id",
            "code",
            unique=True,
            postgresql_where=text("paid_in > 0"),
        ),
        CheckConstraint("paid_in >= 0 and withdrawn >= 0", name="amounts"),
        Index("ix_statement_line_completed", "merchant_id", "completed_at"),
        Index("ix_statement_line_reference", "merchant_id", "reference"),
        Index(
            "ix_statement_line_linked",
            "merchant_id",
            "linked_code",
            postgresql_where=text("linked_code is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    statement_id: Mapped[int]
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    code: Mapped[str]
    completed_at: Mapped[datetime]
    paid_in: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    withdrawn: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    reference: Mapped[str | None]  # A/C No., what the payer typed; a phone number in it is masked
    status: Mapped[str]
    kind: Mapped[str]  # Reason Type
    linked_code: Mapped[str | None]  # Linked Transaction ID: what a reversal takes back


class MatchProposal(Model):
    """One person says that a payment was paid, without Safaricom's word; another one decides (M2)."""

    __tablename__ = "match_proposal"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        CheckConstraint("decision in ('approved', 'rejected')", name="decision"),
        CheckConstraint(
            "(decision is null) = (decided_by is null) and (decision is null) = (decided_at is null)",
            name="decided",
        ),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("amount > 0", name="amount"),
        Index(
            "uq_match_proposal_open",
            "payment_id",
            unique=True,
            postgresql_where=text("decided_at is null"),
        ),
        Index("ix_match_proposal_merchant", "merchant_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    payment_id: Mapped[int]
    code: Mapped[str]  # as typed: a claim
    amount: Mapped[int]
    reason: Mapped[str]
    proposed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decision: Mapped[str | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]


class DailyClose(Model):
    """A day's figures, as a person has signed them. What comes later shows as a difference."""

    __tablename__ = "daily_close"
    __table_args__ = (UniqueConstraint("merchant_id", "day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    day: Mapped[date]  # Nairobi's
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    signed_at: Mapped[datetime] = mapped_column(default=clock.now)
