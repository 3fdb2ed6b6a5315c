"""An open invoice that somebody is to be asked for without having come to us: ADR 24."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import clock
from app.billing.models import Invoice
from app.extensions import Model

ASKED = "asked"  # the one outcome that has a payment
WAITS_SQL = sql("done_at is null")


class Renewal(Model):
    """The record of work: an invoice is queued once, and its row ends once, with an outcome."""

    __tablename__ = "renewal"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "invoice_id"], ["invoice.merchant_id", "invoice.id"]),
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        CheckConstraint("(done_at is null) = (outcome is null)", name="outcome"),
        CheckConstraint(
            "(payment_id is not null) = (outcome is not null and outcome = 'asked')", name="asked"
        ),
        Index("ix_renewal_waiting", "ask_after", "id", postgresql_where=WAITS_SQL),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    invoice_id: Mapped[int] = mapped_column(unique=True)
    queued_at: Mapped[datetime] = mapped_column(default=clock.now)
    ask_after: Mapped[datetime] = mapped_column(default=clock.now)  # or when to try again
    payment_id: Mapped[int | None]
    done_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # asked, or why not
    invoice: Mapped[Invoice] = relationship(primaryjoin="foreign(Renewal.invoice_id) == Invoice.id")

    def end(self, outcome: str) -> None:
        self.done_at = clock.now()
        self.outcome = outcome
