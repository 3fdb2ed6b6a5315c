"""Sell a plan; give the time that was paid for."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import audit, clock, crypto
from app.billing import periods
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.extensions import db

PHONE = "phone"  # the purpose of the blind index


def phone_index(phone: str) -> bytes:
    """Of a phone in the form 2547…: the same for every merchant, so that limits see all of them."""
    return crypto.blind_index(phone, PHONE)


def phone_place(token: str) -> str:
    """What a person's sealed number is bound to."""
    return f"subscriber.phone|{token}"


def subscriber(merchant_id: int, phone: str) -> Subscriber:
    """The person with this phone, made when new. Insert first, let the constraint answer."""
    token = crypto.new_token()
    sealed = crypto.seal(phone.encode(), phone_place(token))
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


def subscription(plan: Plan, person: Subscriber, actor: str = "customer") -> Subscription:
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
        audit.record(found, "subscription.opened", actor=actor, plan=plan.code)
    return found


def keep(subscription: Subscription, actor: str = "customer") -> None:
    """Who buys again stays: the subscription does not end with its paid time any more.

    After the open invoice's lock, which comes before the subscription's.
    """
    if subscription.ends_at is None:
        return
    db.session.refresh(subscription, with_for_update={"key_share": True})
    subscription.ends_at = None
    audit.record(subscription, "subscription.kept", actor=actor)


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
