"""What a payment page needs to know, in one indexed read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select

from app import clock, merchants, msisdn
from app.billing.models import Invoice, Plan, Subscription
from app.extensions import db
from app.merchants import Merchant
from app.payments import customer, gate, limits
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
    phone: str  # in full only for the browser that started the payment; empty when erased
    receipt: str | None  # M-PESA's code
    received: int | None  # whole shillings that arrived
    reference: str  # the account number
    plan: str
    plan_code: str
    unit: str
    every: int
    merchant: str
    through: str | None  # whoever collects for the merchant: M-PESA's message has their name
    slug: str
    support: str | None
    colour: str | None
    logo: str | None
    created_at: datetime
    sending_at: datetime | None
    accepted_at: datetime | None
    claimed_at: datetime | None
    paid_at: datetime | None
    paid_through: datetime | None  # None also when the money was short, or came twice
    invoice_open: bool
    closed: str | None  # why nothing more may be asked: paid (by another payment), void, old
    return_url: str | None
    ref: str | None  # the merchant's own, from the pay link
    retry_at: datetime  # when a new prompt may be sent; in the past: now
    busy_until: datetime | None = None  # M-PESA is sick; only single prompts try meanwhile


def _pays_invoice() -> ColumnElement[bool]:
    """Whether this payment's own money is on the invoice: a second payment's is on the balance."""
    there = (Allocation.receipt_id == Receipt.id, Allocation.invoice_id == Invoice.id)
    return select(Allocation.id).where(*there).correlate(Receipt, Invoice).exists()


COLUMNS = (
    Payment,
    Receipt.code.label("receipt"),
    Receipt.amount.label("received"),
    Invoice.reference,
    Invoice.paid_at.label("invoice_paid_at"),
    Invoice.voided_at,
    case((_pays_invoice(), Invoice.period_end)).label("paid_through"),
    Plan.name.label("plan"),
    Plan.code.label("plan_code"),
    Plan.unit,
    Plan.every,
    Merchant.name.label("merchant"),
    Merchant.slug,
    Merchant.shortcode.label("own_number"),
    Merchant.uses_platform_shortcode,
    Merchant.support,
    Merchant.colour,
    Merchant.logo,
    gate.busy_until(func.coalesce(Payment.shortcode, merchants.number_column())).label(
        "busy_until"
    ),
)
OF_PAYMENT = (
    *("token", "status", "reason", "code", "amount", "return_url", "ref"),
    *("created_at", "sending_at", "accepted_at", "claimed_at", "paid_at"),
)
OF_ROW = (
    *("receipt", "received", "reference", "paid_through", "plan", "plan_code", "unit", "every"),
    *("merchant", "slug", "support", "colour", "logo", "busy_until"),
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
        **{name: getattr(payment, name) for name in OF_PAYMENT},
        **{name: getattr(row, name) for name in OF_ROW},
        phone=shown(payment.phone) if payment.phone else "",
        through=merchants.platform_name() if _through_platform(payment, row) else None,
        invoice_open=row.invoice_paid_at is None and row.voided_at is None,
        closed=_closed(payment, row),
        retry_at=max(_retry_at(payment), row.busy_until or clock.now()),
    )


def _through_platform(payment: Payment, row: Row[*tuple[Any, ...]]) -> bool:
    """As it was when the prompt was sent, else as it will be."""
    platform = settings().mpesa_shortcode
    if row.slug == merchants.DEFAULT or platform == row.own_number:
        return False
    return payment.shortcode == platform or (
        payment.shortcode is None and bool(row.uses_platform_shortcode)
    )


def _closed(payment: Payment, row: Row[*tuple[Any, ...]]) -> str | None:
    """Of a payment that could otherwise be tried again."""
    if payment.status not in (FAILED, UNCONFIRMED):
        return None
    if row.invoice_paid_at:
        return "paid"
    if row.voided_at:
        return "void"
    old = payment.created_at <= clock.now() - customer.LINK_LIFE
    return "old" if old or payment.phone_sealed is None else None


def _retry_at(payment: Payment) -> datetime:
    """The gate of an unconfirmed payment holds always, the gaps only where limits are on."""
    spaced = payment.status == FAILED and settings().prompt_limits_enabled
    gated = spaced or payment.status == UNCONFIRMED
    return limits.until(payment, payment.amount) if gated else clock.now()
