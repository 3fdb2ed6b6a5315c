"""Which subscriptions a list shows, and what one of them comes to. State is derived, never stored."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import joinedload

from app import clock
from app.billing.models import Invoice, Plan, Subscription
from app.desk import keyset, rows
from app.desk.cursor import Cursor
from app.desk.keyset import Page
from app.desk.people import Found
from app.desk.rows import Row
from app.extensions import db
from app.payments import booking
from app.payments.models import Payment

ALL = ""
ACTIVE, ENDING, LAPSED, UNPAID, CANCELLED = STATES = (
    "active",
    "ending",
    "lapsed",
    "unpaid",
    "cancelled",
)
MOST = 1_000  # is counted to; beyond, "1,000+" is as honest and always as quick
NEWEST = 50  # of what hangs on one subscription


@dataclass(frozen=True)
class Filters:
    merchant_id: int
    state: str = ALL
    plan_id: int | None = None
    found: Found | None = None  # None: nothing was searched for


def state_of(one: Subscription) -> str:
    """The same as `_is`, of a row that is there."""
    now = clock.now()
    if one.cancelled_at or (one.ends_at and one.ends_at <= now):
        return CANCELLED
    if one.ends_at:
        return ENDING
    if one.paid_through is None:
        return UNPAID
    return ACTIVE if one.paid_through > now else LAPSED


def _is(state: str) -> ColumnElement[bool]:
    now = clock.now()
    goes_on = and_(Subscription.cancelled_at.is_(None), Subscription.ends_at.is_(None))
    conditions: dict[str, ColumnElement[bool]] = {
        ACTIVE: and_(goes_on, Subscription.paid_through > now),
        ENDING: and_(Subscription.cancelled_at.is_(None), Subscription.ends_at > now),
        LAPSED: and_(goes_on, Subscription.paid_through <= now),
        UNPAID: and_(goes_on, Subscription.paid_through.is_(None)),
        CANCELLED: or_(Subscription.cancelled_at.is_not(None), Subscription.ends_at <= now),
    }
    return conditions[state]


def page(
    filters: Filters, cursor: Cursor | None = None, size: int = keyset.SIZE
) -> Page[Subscription]:
    query = select(Subscription).where(*_conditions(filters))
    if filters.state:
        query = query.where(_is(filters.state))
    whole = query.options(joinedload(Subscription.plan), joinedload(Subscription.subscriber))
    return keyset.page(whole, Subscription, cursor, size)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found = [Subscription.merchant_id == filters.merchant_id]
    if filters.plan_id is not None:
        found.append(Subscription.plan_id == filters.plan_id)
    if filters.found is not None:
        found.append(_of(filters.found))
    return found


def _of(found: Found) -> ColumnElement[bool]:
    if found.subscription_id is not None:
        return Subscription.id == found.subscription_id
    return Subscription.subscriber_id.in_(found.people)


def counts(filters: Filters) -> dict[str, int]:
    """Of each state under the same filters; more than MOST means "or more"."""
    every = {ALL: literal(value=True)} | {state: _is(state) for state in STATES}
    wanted = [_up_to_most(filters, fits).label(state or "all") for state, fits in every.items()]
    return dict(zip(every, db.session.execute(select(*wanted)).one(), strict=True))


def _up_to_most(filters: Filters, fits: ColumnElement[bool]) -> Any:
    few = select(literal(1)).where(*_conditions(filters), fits).limit(MOST + 1).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def of_plans(merchant_id: int) -> dict[int, int]:
    """How many subscriptions to each plan go on, paid or not; more than MOST means "or more"."""
    goes_on = and_(
        Subscription.plan_id == Plan.id,
        Subscription.cancelled_at.is_(None),
        or_(Subscription.ends_at.is_(None), Subscription.ends_at > clock.now()),
    )
    # In its index's order, or else PostgreSQL reads all subscriptions to find the few of a small plan.
    along = (Subscription.plan_id, Subscription.created_at, Subscription.id)
    some = select(literal(1)).where(goes_on).order_by(*along).limit(MOST + 1)
    few = some.correlate(Plan).subquery().lateral()
    count = select(func.count()).select_from(few).scalar_subquery()
    query = select(Plan.id, count).where(Plan.merchant_id == merchant_id)
    return {row[0]: row[1] for row in db.session.execute(query)}


@dataclass(frozen=True)
class History:
    balance: int
    open: Invoice | None
    paid: list[Invoice]  # the newest first
    payments: list[Row]


def history(one: Subscription) -> History:
    """The newest of each."""
    query = select(Invoice).where(Invoice.subscription_id == one.id).order_by(Invoice.id.desc())
    invoices = db.session.scalars(query.limit(NEWEST)).all()
    return History(
        balance=booking.balance(one.subscriber_id),
        open=next((invoice for invoice in invoices if invoice.open), None),
        paid=[invoice for invoice in invoices if invoice.paid_at],
        payments=rows.of(list(db.session.scalars(_payments(one)))),
    )


def _payments(one: Subscription) -> Select[int]:
    """Through the few invoices, whatever the planner thinks of the list of all payments."""
    mine = select(Invoice.id).where(Invoice.subscription_id == one.id)
    theirs = (
        select(Payment.id, Payment.created_at)
        .where(Payment.invoice_id.in_(mine))
        .cte("theirs")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return (
        select(theirs.c.id).order_by(theirs.c.created_at.desc(), theirs.c.id.desc()).limit(NEWEST)
    )
