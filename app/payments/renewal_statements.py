"""Who is due for the next period, and the one statement that opens and queues many invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from app import clock
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.payments.opt_out import OptOut
from app.payments.renewal_models import Renewal

LAPSED = timedelta(days=7)  # who has stayed away for longer has left
# By a look for each: of open invoices there are few at one time and many soon after, and a plan made of
# old figures walks all of them for each subscription.
OWED = (
    select(Invoice.id, Invoice.amount)
    .where(
        Invoice.subscription_id == Subscription.id,
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )
    .limit(1)
    .correlate(Subscription)
    .lateral("owed")
)
SAME_PRICE = OWED.c.amount == Plan.price
PLACE = (Subscription.paid_through, Subscription.id)
Place = tuple[datetime, int]


@dataclass(frozen=True)
class Found:
    """A subscription that is due, and whose phone it is; to open its invoice, an account number."""

    subscription_id: int
    phone_index: bytes
    reference: str


@dataclass(frozen=True)
class Due:
    """Those whose paid time has ended in the last week, or ends in so many days."""

    merchant_id: int
    since: datetime
    until: datetime

    @classmethod
    def within(cls, merchant_id: int, days: int) -> "Due":
        now = clock.now()
        return cls(merchant_id, now - LAPSED, now + timedelta(days=days))

    def next(self, after: Place | None, most: int) -> Select[Any]:
        """Some of them, in the order of ix_subscription_paid_through."""
        rows = self._rows(*PLACE, Subscriber.phone_index).where(_askable())
        rows = rows.order_by(*PLACE).limit(most)
        return rows.where(tuple_(*PLACE) > tuple_(*map(literal, after))) if after else rows

    def counted(self) -> Select[Any]:
        """How many are to be queued, how many of their invoices are open already, and how many owe
        another price than today's: what is open is not changed by a price (M4), and not asked for
        by a machine."""
        askable = and_(_askable())
        other = and_(OWED.c.id.is_not(None), ~SAME_PRICE)
        return self._rows(
            func.count().filter(askable),
            func.count(OWED.c.id).filter(askable),
            func.count().filter(other),
        )

    def opening(self, found: Sequence[Found]) -> Select[Any]:
        """Opens and queues: answers each queued invoice's id, and its amount where it is new.

        Their phones are held. What an invoice or a number is there for by now is left as it is.
        """
        given = _given(found)
        mine = (given.c.id == Subscription.id, given.c.phone == Subscriber.phone_index)
        columns = (
            Subscription.id.label("subscription_id"),
            Plan.price,
            given.c.reference,
            OWED.c.id.label("open"),
        )
        due = self._rows(*columns).join(given, and_(*mine)).where(_askable()).cte("due")
        made = self._invoices(due).cte("made")
        queued = self._queue(due, made).cte("queued")
        rows = queued.outerjoin(made, made.c.id == queued.c.invoice_id)
        return select(queued.c.invoice_id, made.c.amount).select_from(rows).order_by("invoice_id")

    def _rows(self, *columns: Any) -> Select[Any]:
        rows = select(*columns).select_from(Subscription)
        rows = rows.join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        rows = rows.join(Plan, Plan.id == Subscription.plan_id).outerjoin(OWED, true())
        return rows.where(
            Subscription.merchant_id == self.merchant_id,
            Subscription.paid_through > self.since,
            Subscription.paid_through <= self.until,
            Subscription.cancelled_at.is_(None),
            Subscription.ends_at.is_(None),
            ~exists().where(OptOut.phone_index == Subscriber.phone_index),
        )

    def _invoices(self, due: CTE) -> ReturningInsert[int, int]:
        row = {
            "merchant_id": literal(self.merchant_id),
            "subscription_id": due.c.subscription_id,
            "reference": due.c.reference,
            "amount": due.c.price,
            "created_at": literal(clock.now()),
        }
        new = select(*row.values()).where(due.c.open.is_(None))
        made = insert(Invoice).from_select([*row], new, include_defaults=False)
        return made.on_conflict_do_nothing().returning(Invoice.id, Invoice.amount)

    def _queue(self, due: CTE, made: CTE) -> ReturningInsert[int]:
        old = select(due.c.open).where(due.c.open.is_not(None))
        invoices = union_all(select(made.c.id), old).subquery("invoices")
        now = literal(clock.now())
        row = {
            "merchant_id": literal(self.merchant_id),
            "invoice_id": invoices.c.id,
            "queued_at": now,
            "ask_after": now,
        }
        queued = insert(Renewal).from_select([*row], select(*row.values()), include_defaults=False)
        return queued.on_conflict_do_nothing().returning(Renewal.invoice_id)


def _askable() -> ColumnElement[bool]:
    """Who owes nothing, or today's price, and was not asked for it yet."""
    queued = exists().where(Renewal.invoice_id == OWED.c.id)
    return or_(OWED.c.id.is_(None), and_(SAME_PRICE, ~queued))


def _given(found: Sequence[Found]) -> FromClause:
    columns = {
        "id": cast([one.subscription_id for one in found], ARRAY(BigInteger)),
        "phone": cast([one.phone_index for one in found], ARRAY(LargeBinary)),
        "reference": cast([one.reference for one in found], ARRAY(String)),
    }
    each = (func.unnest(column).label(name) for name, column in columns.items())
    return select(*each).subquery("given")
