"""Sell a plan; give the time that was paid for."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import audit, clock, crypto
from app.billing import periods
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.errors import Refused
from app.extensions import db

PHONE = "phone"  # the purpose of the blind index
UNITS = ("day", "week", "month", "quarter", "year")


def phone_index(phone: str) -> bytes:
    """Of a phone in the form 2547…: the same for every merchant, so that limits see all of them."""
    return crypto.blind_index(phone, PHONE)


def subscriber(merchant_id: int, phone: str) -> Subscriber:
    """The person with this phone, made when new. Insert first, let the constraint answer."""
    token = crypto.new_token()
    sealed = crypto.seal(phone.encode(), f"subscriber.phone|{token}")
    index = phone_index(phone)
    row = {
        "merchant_id": merchant_id,
        "token": token,
        "phone_index": index,
        "phone_sealed": sealed,
        "created_at": clock.now(),
    }
    db.session.execute(insert(Subscriber).values(row).on_conflict_do_nothing())
    query = select(Subscriber).where(
        Subscriber.merchant_id == merchant_id, Subscriber.phone_index == index
    )
    return db.session.scalars(query).one()


def subscription(plan: Plan, person: Subscriber) -> Subscription:
    """The person's running subscription to the plan, opened when there is none."""
    mine = (
        Subscription.subscriber_id == person.id,
        Subscription.plan_id == plan.id,
        Subscription.cancelled_at.is_(None),
    )
    found = db.session.scalar(select(Subscription).where(*mine))
    if found is None:
        found = Subscription(merchant_id=plan.merchant_id, plan=plan, subscriber=person)
        db.session.add(found)
        db.session.flush()
        audit.record(found, "subscription.opened", actor="customer", plan=plan.code)
    return found


def extend(invoice: Invoice, at: datetime) -> None:
    """Gives the invoice's period. Early adds to the time left; after a lapse it starts at `at`.

    The caller holds the invoice's and the subscription's lock.
    """
    subscription = invoice.subscription
    plan = subscription.plan
    start = subscription.paid_through
    if start is None or start <= at or subscription.anchor_day is None:
        start = at
        subscription.anchor_day = periods.anchor_day(start)
    invoice.period_start = start
    invoice.period_end = periods.end_of_period(
        start, plan.unit, plan.every, subscription.anchor_day
    )
    invoice.paid_at = at
    subscription.paid_through = invoice.period_end
    audit.record(
        subscription,
        "subscription.extended",
        actor="settlement",
        invoice=invoice.id,
        until=invoice.period_end.isoformat(),
    )


def create_plan(plan: Plan) -> Plan:
    """Raises Refused with a sentence when the merchant has a plan of this code already."""
    same = (Plan.merchant_id == plan.merchant_id, Plan.code == plan.code)
    if db.session.scalar(select(Plan.id).where(*same)):
        raise Refused(f"There is a plan {plan.code!r} already.")
    db.session.add(plan)
    audit.record(plan, "plan.created", actor="command", code=plan.code, price=plan.price)
    return plan
