"""What the application could not decide alone, until a person has looked at it."""

from dataclasses import dataclass

from sqlalchemy import select

from app import audit, clock
from app.billing.models import Invoice
from app.extensions import db
from app.payments.alerts import Alert
from app.payments.models import Payment

MOST = 100  # of one page; the oldest, whose turn it is


@dataclass(frozen=True)
class Shown:
    alert: Alert
    reference: str | None
    amount: int | None


def unresolved(merchant_id: int, kind: str | None = None) -> list[Shown]:
    query = (
        select(Alert, Invoice.reference, Payment.amount)
        .outerjoin(Payment, Payment.id == Alert.payment_id)
        .outerjoin(Invoice, Invoice.id == Payment.invoice_id)
        .where(Alert.merchant_id == merchant_id, Alert.resolved_at.is_(None))
    )
    wanted = query.where(Alert.kind == kind) if kind else query
    rows = db.session.execute(wanted.order_by(Alert.id).limit(MOST))
    return [Shown(alert, reference, amount) for alert, reference, amount in rows]


def resolve(alert: Alert, note: str, actor: str) -> bool:
    """Somebody has looked, and there is nothing left to do. False: somebody had before."""
    db.session.refresh(alert, with_for_update=True)
    if alert.resolved_at is not None:
        return False
    alert.resolved_at = clock.now()
    subject = db.session.get(Payment, alert.payment_id) if alert.payment_id else None
    told = {"kind": alert.kind, "alert": alert.id} | ({"note": note} if note else {})
    audit.record(subject or alert, "alert.resolved", actor=actor, **told)
    return True
