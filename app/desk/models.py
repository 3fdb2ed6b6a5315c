"""What staff write down: a note about a payment, and the lists that they look at often."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.extensions import Model

LONGEST_NOTE, LONGEST_NAME, LONGEST_QUERY = 1_000, 60, 1_000


class Note(Model):
    __tablename__ = "note"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        CheckConstraint(f"length(text) between 1 and {LONGEST_NOTE}", name="text"),
        Index("ix_note_payment_id", "payment_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    payment_id: Mapped[int]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class SavedView(Model):
    """Filters under a name: one person's own."""

    __tablename__ = "saved_view"
    __table_args__ = (
        UniqueConstraint("staff_id", "name"),
        CheckConstraint(f"length(name) between 1 and {LONGEST_NAME}", name="name"),
        CheckConstraint(f"length(query) <= {LONGEST_QUERY}", name="query"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
