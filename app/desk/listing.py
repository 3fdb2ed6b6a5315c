"""One page of the payments that fit: page 1 and page 50,000 cost the same (ADR 0010).

No OFFSET, no exact counts. A page is found by walks along indexes (app/desk/indexes.py), one for
each status where several are wanted, then its rows are fetched by their ids.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from app.billing.models import Invoice, Subscription
from app.desk import indexes, rows
from app.desk.cursor import Cursor
from app.desk.filters import ALL, TABS, Filters
from app.desk.rows import Row
from app.extensions import db
from app.payments.models import Payment
from app.payments.states import Status

SIZE = 50
MOST = 1_000  # is counted to; beyond, "1,000+" is as honest and always as quick
PAYMENTS: FromClause = Payment.__table__
COLUMNS = (*indexes.ORDER, Payment.merchant_id, *indexes.BY_STATUS["ix_payment_status_plan_amount"])

Key = tuple[datetime, int]


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    newer: Cursor | None
    older: Cursor | None


def page(filters: Filters, cursor: Cursor | None = None, size: int = SIZE) -> Page:
    keys = keys_of(filters, cursor, size + 1)
    is_more = len(keys) > size
    if cursor and cursor.newer:
        if not is_more:  # the newest there are: a full page of them
            return page(filters, None, size)
        keys.reverse()
    keys = keys[-size:] if cursor and cursor.newer else keys[:size]
    shown = rows.of([payment_id for _, payment_id in keys])
    ahead = bool(cursor and (cursor.newer or keys))
    behind = is_more or bool(cursor and cursor.newer)
    return Page(
        shown,
        newer=Cursor(*keys[0], newer=True) if ahead else None,
        older=Cursor(*keys[-1]) if behind and keys else None,
    )


def keys_of(filters: Filters, cursor: Cursor | None, most: int) -> list[Key]:
    """Newest first; before a cursor the nearest first."""
    query = keys_query(filters, cursor, most)
    return [] if query is None else [(row[0], row[1]) for row in db.session.execute(query)]


def keys_query(filters: Filters, cursor: Cursor | None, most: int) -> Select[datetime, int] | None:
    walks = [_ordered(walk, cursor, most) for walk in _walks(filters, cursor)]
    if len(walks) <= 1:
        return walks[0] if walks else None
    return _ordered(_all_of([walk.subquery() for walk in walks]), cursor, most)


def _ordered(
    query: Select[datetime, int], cursor: Cursor | None, most: int
) -> Select[datetime, int]:
    columns = list(query.selected_columns)
    newest_first = not (cursor and cursor.newer)
    order = [column.desc() if newest_first else column.asc() for column in columns]
    return query.order_by(*order).limit(most)


def _all_of(walks: list[Subquery]) -> Select[datetime, int]:
    merged = union_all(*(select(walk.c.created_at, walk.c.id) for walk in walks)).subquery()
    return select(merged.c.created_at, merged.c.id)


def _walks(filters: Filters, cursor: Cursor | None) -> list[Select[datetime, int]]:
    source = source_of(filters)
    if source is None:
        return []
    fitting = [*_conditions(filters, source), *_beside(cursor, source)]
    query = select(source.c.created_at, source.c.id).where(*fitting)
    return [query.where(*path) for path in _paths(filters, source)]


def source_of(filters: Filters) -> FromClause | None:
    """The table, or the few payments of the people who were searched for; None: nothing fits."""
    if filters.found is None:
        return PAYMENTS
    if filters.found.nothing:
        return None
    return _of_people(filters.found.people) if filters.found.people else PAYMENTS


def _of_people(people: tuple[int, ...]) -> CTE:
    """From the people to their payments, whatever the planner thinks of the other way."""
    query = (
        select(*COLUMNS, Payment.reason)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .where(Subscription.subscriber_id.in_(people))
    )
    return query.cte("theirs").prefix_with("MATERIALIZED", dialect="postgresql")


def _conditions(filters: Filters, source: FromClause) -> list[ColumnElement[bool]]:
    wanted: dict[str, Any] = {
        "merchant_id": filters.merchant_id,
        "plan_id": filters.plan_id,
        "amount": filters.amount,
        "reason": filters.reason,
    }
    found = [source.c[name] == value for name, value in wanted.items() if value is not None]
    if filters.since:
        found.append(source.c.created_at >= filters.since)
    if filters.until:
        found.append(source.c.created_at < filters.until)
    if filters.found is not None and filters.found.where is not None:
        found.append(filters.found.where)
    return found


def _beside(cursor: Cursor | None, source: FromClause) -> list[ColumnElement[bool]]:
    """As one comparison of rows: an index walks to it, which it cannot with an OR."""
    if cursor is None:
        return []
    here, beside = tuple_(source.c.created_at, source.c.id), tuple_(cursor.at, cursor.id)
    return [here > beside if cursor.newer else here < beside]


def _paths(filters: Filters, source: FromClause) -> list[list[ColumnElement[bool]]]:
    """The statuses, one walk for each; together where another filter leads the way."""
    statuses = filters.statuses
    if filters.reason and statuses:  # its index holds failed payments only
        return [[]]
    if filters.found is not None:
        return [[source.c.status.in_(statuses)]]
    if filters.tab == ALL and filters.plan_id is None and filters.amount is None:
        return [[]]
    return [[source.c.status == status] for status in statuses]


def counts(filters: Filters) -> dict[str, int]:
    """Of each tab under the same filters; more than MOST means "or more"."""
    source = source_of(filters)
    if source is None:
        return dict.fromkeys(TABS, 0)
    of_status = _few(filters, source) if filters.found else _capped(filters)
    return {
        tab: sum(of_status.get(status, 0) for status in statuses) for tab, statuses in TABS.items()
    }


def _few(filters: Filters, source: FromClause) -> dict[str, int]:
    """What a search leaves is read once, and counted whole."""
    query = select(source.c.status, func.count()).where(*_conditions(filters, source))
    return {row[0]: row[1] for row in db.session.execute(query.group_by(source.c.status))}


def _capped(filters: Filters) -> dict[str, int]:
    """One statement for all: as many entries of an index are read as are counted."""
    return dict(db.session.execute(counts_query(filters)).mappings().one())


def counts_query(filters: Filters) -> Select[*tuple[Any, ...]]:
    statuses = replace(filters, tab=ALL).statuses
    return select(*(_up_to_most(filters, status).label(status) for status in statuses))


def _up_to_most(filters: Filters, status: Status) -> Any:
    mine = [] if filters.reason else [PAYMENTS.c.status == status]  # of a reason all have failed
    one = [*_conditions(filters, PAYMENTS), *mine]
    entries = select(literal(1)).where(*one).limit(MOST + 1).subquery()
    return select(func.count()).select_from(entries).scalar_subquery()
