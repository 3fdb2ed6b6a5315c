"""What a payment page needs to know, in one indexed read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, select

from app import clock, msisdn
from app.billing.models import Invoice, Plan, Subscription
from app.extensions import db
from app.merchants import Merchant
from app.payments import limits
from app.payments.models import Allocation, Payment, Receipt
from app.payments.states import FAILED, UNCONFIRMED
from app.settings import settings


@dataclass(frozen=True)
class Facts:
    token: str
    status: str
    reason: str | None
    code: str | None  # Safaricom's number, in small print for support
    amount: int  # whole shillings
    phone: str  # in full only for the browser that started the payment
    receipt: str | None  # M-PESA's code
    received: int | None  # whole shillings that arrived
    reference: str  # the account number
    plan: str
    plan_code: str
    unit: str
    every: int
    merchant: str
    slug: str
    support: str | None
    created_at: datetime
    sending_at: datetime | None
    accepted_at: datetime | None
    claimed_at: datetime | None
    paid_at: datetime | None
    paid_through: datetime | None  # None also when the money was short, or came twice
    invoice_open: bool
    retry_at: datetime  # when a new prompt may be sent; in the past: now


def _pays_invoice() -> ColumnElement[bool]:
    """Whether this payment's own money is on the invoice: a second payment's is on the balance."""
    there = (Allocation.receipt_id == Receipt.id, Allocation.invoice_id == Invoice.id)
    return select(Allocation.id).where(*there).correlate(Receipt, Invoice).exists()


COLUMNS = (
    Payment,
    Receipt.code.label("receipt"),
    Receipt.amount.label("received"),
    Invoice.reference,
    case((_pays_invoice(), Invoice.period_end)).label("paid_through"),
    (Invoice.paid_at.is_(None) & Invoice.voided_at.is_(None)).label("open"),
    Plan.name.label("plan"),
    Plan.code.label("plan_code"),
    Plan.unit,
    Plan.every,
    Merchant.name.label("merchant"),
    Merchant.slug,
    Merchant.support,
)


def of(token: str, *, owner: bool) -> Facts | None:
    """`owner`: this browser started the payment, and sees its number in full."""
    query = (
        select(*COLUMNS)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Merchant, Merchant.id == Payment.merchant_id)
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
        .where(Payment.token == token)
    )
    row = db.session.execute(query).one_or_none()
    return _facts(row, owner=owner) if row else None


def _facts(row: Row[*tuple[Any, ...]], *, owner: bool) -> Facts:
    payment: Payment = row.Payment
    shown = msisdn.pretty if owner else msisdn.masked
    return Facts(
        token=payment.token,
        status=payment.status,
        reason=payment.reason,
        code=payment.code,
        amount=payment.amount,
        phone=shown(payment.phone),
        receipt=row.receipt,
        received=row.received,
        reference=row.reference,
        plan=row.plan,
        plan_code=row.plan_code,
        unit=row.unit,
        every=row.every,
        merchant=row.merchant,
        slug=row.slug,
        support=row.support,
        created_at=payment.created_at,
        sending_at=payment.sending_at,
        accepted_at=payment.accepted_at,
        claimed_at=payment.claimed_at,
        paid_at=payment.paid_at,
        paid_through=row.paid_through,
        invoice_open=row.open,
        retry_at=_retry_at(payment),
    )


def _retry_at(payment: Payment) -> datetime:
    """The gate of an unconfirmed payment holds always, the gaps only where limits are on."""
    spaced = payment.status == FAILED and settings().prompt_limits_enabled
    gated = spaced or payment.status == UNCONFIRMED
    return limits.until(payment, payment.amount) if gated else clock.now()
