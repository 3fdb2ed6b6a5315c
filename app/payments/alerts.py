"""Tell staff. An alert is a row, made in the transaction of what it is about."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, clock
from app.extensions import Model, db
from app.payments.models import Payment


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
    same = (Alert.payment_id == payment.id, Alert.kind == kind, Alert.text == says)
    if db.session.scalar(select(Alert.id).where(*same, Alert.resolved_at.is_(None))):
        return
    alert = Alert(merchant_id=payment.merchant_id, payment_id=payment.id, kind=kind, text=says)
    db.session.add(alert)
    audit.record(payment, f"alert.{kind}", actor="settlement", text=says)
