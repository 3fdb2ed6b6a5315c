"""Cases about payments."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.extensions import Model

KINDS = ("charged_twice", "not_received", "wrong_amount", "not_mine", "other")
OUTCOMES = ("refunded", "rejected", "accepted", "withdrawn")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(map(repr, values))})"


class Dispute(Model):
    """A case about a payment: what somebody says, what we hold against it, how it ended."""

    __tablename__ = "dispute"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint(_one_of("kind", KINDS), name="kind"),
        CheckConstraint(_one_of("outcome", OUTCOMES), name="outcome"),
        CheckConstraint(
            "(outcome is null) = (closed_at is null) and (outcome is null) = (closed_by is null)",
            name="closed",
        ),
        Index(
            "uq_dispute_open",
            "payment_id",
            unique=True,
            postgresql_where=text("closed_at is null"),
        ),
        Index("ix_dispute_merchant", "merchant_id", "due_on"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    payment_id: Mapped[int]
    kind: Mapped[str]
    due_on: Mapped[date]
    says: Mapped[str]  # what the customer says
    opened_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
    outcome: Mapped[str | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    closed_at: Mapped[datetime | None]


class DisputeEvidence(Model):
    """What a person found out about a case. Added, never changed."""

    __tablename__ = "dispute_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "dispute_id"], ["dispute.merchant_id", "dispute.id"]),
        CheckConstraint("text <> ''", name="text"),
        UniqueConstraint("merchant_id", "attempt"),
        Index("ix_dispute_evidence_dispute", "dispute_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    dispute_id: Mapped[int]
    text: Mapped[str]
    attempt: Mapped[str]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    added_at: Mapped[datetime] = mapped_column(default=clock.now)
