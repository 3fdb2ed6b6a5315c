"""Tell staff. An alert is a row, made in the transaction of what it is about."""

from app import audit
from app.extensions import db
from app.payments.models import Alert, Payment


def raise_for(payment: Payment, kind: str, text: str) -> None:
    """`text` is a sentence for staff, without personal data."""
    alert = Alert(merchant_id=payment.merchant_id, payment_id=payment.id, kind=kind, text=text)
    db.session.add(alert)
    audit.record(payment, f"alert.{kind}", actor="settlement", text=text)
