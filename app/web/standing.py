"""What decides a payment's phase: little enough to be read many times a second, in one indexed read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, select

from app import clock, direct, merchants
from app.billing.models import Invoice
from app.direct import Row
from app.merchants import Merchant
from app.payments import customer, gate, limits
from app.payments.models import Allocation, Payment, Receipt
from app.payments.states import FAILED, UNCONFIRMED
from app.settings import settings


@dataclass(frozen=True)
class Standing:
    token: str
    status: str
    reason: str | None
    code: str | None  # Safaricom's number, in small print for support
    receipt: str | None  # M-PESA's code
    received: int | None  # whole shillings that arrived
    created_at: datetime
    sending_at: datetime | None
    accepted_at: datetime | None
    claimed_at: datetime | None
    paid_at: datetime | None
    paid_through: datetime | None  # None also when the money was short, or came twice
    invoice_open: bool
    closed: str | None  # why nothing more may be asked: paid (by another payment), void, old
    retry_at: datetime  # when a new prompt may be sent; in the past: now
    busy_until: datetime | None  # M-PESA is sick; only single prompts try meanwhile


def _pays_invoice() -> ColumnElement[bool]:
    """Whether this payment's own money is on the invoice: a second payment's is on the balance."""
    there = (Allocation.receipt_id == Receipt.id, Allocation.invoice_id == Invoice.id)
    return select(Allocation.id).where(*there).correlate(Receipt, Invoice).exists()


AS_IT_IS = ("status", "reason", "code")
TIMES = ("created_at", "sending_at", "accepted_at", "claimed_at", "paid_at")
FOR_RETRY = ("amount", "ended_at", "denied_at", "answered_at")
COLUMNS = (
    *(getattr(Payment, name) for name in (*AS_IT_IS, *TIMES, *FOR_RETRY)),
    Receipt.code.label("receipt"),
    Receipt.amount.label("received"),
    Invoice.paid_at.label("invoice_paid_at"),
    Invoice.voided_at,
    case((_pays_invoice(), Invoice.period_end)).label("paid_through"),
    Payment.phone_sealed.is_(None).label("erased"),
    gate.busy_until(func.coalesce(Payment.shortcode, merchants.number_column())).label(
        "busy_until"
    ),
)
TAKEN = (*AS_IT_IS, *TIMES, "receipt", "received", "paid_through", "busy_until")
BY_TOKEN = (
    select(*COLUMNS)
    .select_from(Payment)
    .join(Invoice, Invoice.id == Payment.invoice_id)
    .join(Merchant, Merchant.id == Payment.merchant_id)
    .outerjoin(Receipt, Receipt.payment_id == Payment.id)
    .where(Payment.token == bindparam("token"))
)

READ = direct.Statement(BY_TOKEN)


def of(token: str) -> Standing | None:
    row = READ.one(token=token)
    return Standing(**values(token, row)) if row else None


def values(token: str, row: Row) -> dict[str, Any]:
    """By field, of a row that has at least COLUMNS. Its token is hidden there, and known here."""
    return {name: getattr(row, name) for name in TAKEN} | {
        "token": token,
        "invoice_open": row.invoice_paid_at is None and row.voided_at is None,
        "closed": _closed(row),
        "retry_at": max(_retry_at(row), row.busy_until or clock.now()),
    }


def _closed(row: Row) -> str | None:
    """Of a payment that could otherwise be tried again."""
    if row.status not in (FAILED, UNCONFIRMED):
        return None
    if row.invoice_paid_at:
        return "paid"
    if row.voided_at:
        return "void"
    old = row.created_at <= clock.now() - customer.LINK_LIFE
    return "old" if old or row.erased else None


def _retry_at(row: Row) -> datetime:
    """The gate of an unconfirmed payment holds always, the gaps only where limits are on."""
    spaced = row.status == FAILED and settings().prompt_limits_enabled
    gated = spaced or row.status == UNCONFIRMED
    return limits.until(row, row.amount) if gated else clock.now()
