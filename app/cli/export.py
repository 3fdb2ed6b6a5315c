"""`flask export …`: JSON lines with stable ids, streamed."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import ColumnElement, Select, and_, case, func, select

from app import clock
from app.audit import AuditEvent
from app.billing.models import Invoice, Plan, Subscription
from app.extensions import db
from app.merchants import DEFAULT, Merchant
from app.payments.models import Allocation, Payment, Receipt
from app.settings import settings

AT_ONCE = 1_000  # rows in memory


def payments() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Payment.token,
            Invoice.reference.label("invoice"),
            Merchant.slug.label("merchant"),
            Plan.code.label("plan"),
            Payment.amount,
            Payment.status,
            Payment.reason,
            Receipt.code.label("receipt"),
            Payment.attempt,
            Payment.created_at,
            Payment.ended_at.label("settled_at"),
            Payment.verified_by,
            Payment.shortcode,
            case((_through_platform(), True), else_=False).label("platform"),
        )
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Merchant, Merchant.id == Payment.merchant_id)
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
        .order_by(Payment.id)
    )


def _through_platform() -> ColumnElement[bool]:
    """Collected for the merchant by the number of whoever runs this."""
    others = and_(Merchant.slug != DEFAULT, Merchant.shortcode.is_distinct_from(Payment.shortcode))
    return and_(Payment.shortcode == settings().mpesa_shortcode, others)


def receipts() -> Select[*tuple[Any, ...]]:
    allocated = (
        select(func.coalesce(func.sum(Allocation.amount), 0))
        .where(Allocation.receipt_id == Receipt.id)
        .scalar_subquery()
    )
    return (
        select(
            Receipt.code,
            Merchant.slug.label("merchant"),
            Receipt.amount,
            Receipt.paid_at,
            Receipt.source,
            allocated.label("allocated"),
            (Receipt.amount - allocated).label("suspense"),
        )
        .join(Merchant, Merchant.id == Receipt.merchant_id)
        .order_by(Receipt.id)
    )


def subscriptions() -> Select[*tuple[Any, ...]]:
    mine = Invoice.subscription_id == Subscription.id
    periods = select(func.count()).where(mine, Invoice.paid_at.is_not(None)).scalar_subquery()
    return (
        select(
            Subscription.token.label("id"),
            Merchant.slug.label("merchant"),
            Plan.code.label("plan"),
            case((Subscription.paid_through > clock.now(), True), else_=False).label("active"),
            Subscription.paid_through,
            Subscription.ends_at,
            Subscription.cancelled_at,
            periods.label("periods"),
        )
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Merchant, Merchant.id == Subscription.merchant_id)
        .order_by(Subscription.id)
    )


def events() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Merchant.slug.label("merchant"),
            AuditEvent.seq,
            AuditEvent.at,
            AuditEvent.actor,
            AuditEvent.action,
            AuditEvent.subject_type,
            AuditEvent.subject_id,
            AuditEvent.details,
            func.encode(AuditEvent.hash, "hex").label("hash"),
        )
        .join(Merchant, Merchant.id == AuditEvent.merchant_id)
        .order_by(AuditEvent.id)
    )


QUERIES: dict[str, Callable[[], Select[*tuple[Any, ...]]]] = {
    "payments": payments,
    "receipts": receipts,
    "subscriptions": subscriptions,
    "events": events,
}


@click.command()
@click.argument("what", type=click.Choice(list(QUERIES)))
@with_appcontext
def export(what: str) -> None:
    """Writes JSON lines to standard output."""
    for line in lines(QUERIES[what]()):
        click.echo(line)


def lines(query: Select[*tuple[Any, ...]]) -> Iterator[str]:
    """Reads through a server-side cursor: memory does not grow with the table."""
    for row in db.session.execute(query.execution_options(yield_per=AT_ONCE)).mappings():
        yield json.dumps(dict(row), default=_plain, ensure_ascii=False)
    db.session.rollback()


def _plain(value: object) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return int(value)  # type: ignore[call-overload, no-any-return] # a sum is a Decimal of whole shillings


COMMANDS = (export,)
