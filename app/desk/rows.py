"""What a list says about each payment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row as Record
from sqlalchemy import Select, select

from app import crypto, msisdn
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.extensions import db
from app.payments.models import Payment, Receipt


@dataclass(frozen=True)
class Row:
    id: int
    created_at: datetime
    name: str | None
    phone: str  # masked
    plan: str | None
    amount: int
    status: str
    reason: str | None
    code: str | None
    reference: str
    receipt: str | None
    seconds: int | None  # from the request to the money


def of(ids: list[int]) -> list[Row]:
    """In the order of the ids."""
    query = _query().where(Payment.id.in_(ids))
    found = {record.id: _row(record) for record in db.session.execute(query)} if ids else {}
    return [found[payment_id] for payment_id in ids]


def _query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Payment.id,
            Payment.created_at,
            Payment.token,
            Payment.phone_sealed,
            Payment.amount,
            Payment.status,
            Payment.reason,
            Payment.code,
            Payment.paid_at,
            Invoice.reference,
            Subscriber.name,
            Plan.name.label("plan"),
            Receipt.code.label("receipt"),
        )
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .outerjoin(Plan, Plan.id == Payment.plan_id)
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
    )


def _row(record: Record[Any]) -> Row:
    took = record.paid_at - record.created_at if record.paid_at else None
    return Row(
        id=record.id,
        created_at=record.created_at,
        name=record.name,
        phone=masked_phone(record.phone_sealed, record.token),
        plan=record.plan,
        amount=record.amount,
        status=record.status,
        reason=record.reason,
        code=record.code,
        reference=record.reference,
        receipt=record.receipt,
        seconds=int(took.total_seconds()) if took else None,
    )


def masked_phone(sealed: bytes | None, token: str) -> str:
    """A list is not lost because one number lies under a key that is gone."""
    try:
        phone = crypto.opened(sealed, f"payment.phone|{token}")
        return msisdn.masked(phone) if phone else msisdn.ERASED
    except crypto.CannotOpen:
        return "Number unreadable"
