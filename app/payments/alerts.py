"""Tell staff. An alert is a row, made in the transaction of what it is about."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, clock
from app.extensions import Model, db
from app.payments.models import Payment
from app.payments.staff_models import Statement


class Alert(Model):
    """Something that wants a person: short or double money, a contradiction, a parked message."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_open", "merchant_id", "id", postgresql_where=text("resolved_at is null")),
        Index("ix_alert_payment", "payment_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    kind: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    resolved_at: Mapped[datetime | None]


def raise_for(payment: Payment, kind: str, says: str) -> None:
    """`says` is a sentence for staff, without personal data. Said once, until somebody resolves it."""
    _raise(payment, kind, says, payment_id=payment.id)


def raise_about(subject: Statement, kind: str, says: str) -> None:
    """The same where it is about no single payment."""
    _raise(subject, kind, says, payment_id=None)


def _raise(subject: Payment | Statement, kind: str, says: str, *, payment_id: int | None) -> None:
    same = (
        Alert.merchant_id == subject.merchant_id,
        Alert.payment_id.is_not_distinct_from(payment_id),
        Alert.kind == kind,
        Alert.text == says,
    )
    if db.session.scalar(select(Alert.id).where(*same, Alert.resolved_at.is_(None))):
        return
    db.session.add(
        Alert(merchant_id=subject.merchant_id, payment_id=payment_id, kind=kind, text=says)
    )
    audit.record(subject, f"alert.{kind}", actor="settlement", text=says)
