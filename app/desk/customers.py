"""Which customers a list shows, and what one of them has."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Index, select
from sqlalchemy.orm import joinedload

from app.billing.models import Plan, Subscriber, Subscription
from app.desk import keyset, listing
from app.desk.cursor import Cursor
from app.desk.filters import Filters
from app.desk.filters import Found as FoundPayments
from app.desk.keyset import Page
from app.desk.people import Found
from app.desk.rows import Row
from app.extensions import db
from app.payments import booking
from app.payments.models import Receipt

NEWEST = 50

Index("ix_receipt_subscriber", Receipt.subscriber_id, Receipt.paid_at, Receipt.id)


def page(
    merchant_id: int, found: Found | None, cursor: Cursor | None = None, size: int = keyset.SIZE
) -> Page[Subscriber]:
    query = select(Subscriber).where(Subscriber.merchant_id == merchant_id)
    if found is not None:
        query = query.where(Subscriber.id.in_(found.people))
    return keyset.page(query, Subscriber, cursor, size)


def plans_of(people: list[Subscriber]) -> dict[int, list[str]]:
    """The names of the plans that they have and have not cancelled."""
    theirs = Subscription.subscriber_id.in_([person.id for person in people])
    query = (
        select(Subscription.subscriber_id, Plan.name)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(theirs, Subscription.cancelled_at.is_(None))
        .order_by(Subscription.id)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for subscriber_id, name in db.session.execute(query):
        found[subscriber_id].append(name)
    return found


@dataclass(frozen=True)
class Account:
    subscriptions: list[Subscription]  # the newest first
    balance: int
    receipts: list[Receipt]
    payments: list[Row]


def account(person: Subscriber) -> Account:
    """The newest of each."""
    mine = select(Subscription).where(Subscription.subscriber_id == person.id)
    newest = mine.order_by(Subscription.id.desc()).options(joinedload(Subscription.plan))
    receipts = select(Receipt).where(Receipt.subscriber_id == person.id)
    in_order = receipts.order_by(Receipt.paid_at.desc(), Receipt.id.desc())
    theirs = Filters(person.merchant_id, found=FoundPayments("", people=(person.id,)))
    return Account(
        subscriptions=list(db.session.scalars(newest.limit(NEWEST))),
        balance=booking.balance(person.id),
        receipts=list(db.session.scalars(in_order.limit(NEWEST))),
        payments=listing.page(theirs, size=NEWEST).rows,
    )
