"""What failed, why and when, what of it came back, and what may be asked for again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Exists, Select, Subquery, exists, extract, func, select, tuple_
from sqlalchemy.orm import aliased

from app import clock
from app.billing.models import Invoice
from app.daraja import Reason
from app.desk import listing, rows
from app.desk.cursor import Cursor
from app.desk.listing import Page
from app.extensions import db
from app.payments.customer import LINK_LIFE
from app.payments.models import Payment
from app.payments.states import FAILED, PAID

# A new request may bring it: nothing has to be changed first.
RECOVERABLE = (
    Reason.INSUFFICIENT_FUNDS,
    Reason.CANCELLED,
    Reason.EXPIRED,
    Reason.UNREACHABLE,
    Reason.WRONG_PIN,
    Reason.IN_PROGRESS,
    Reason.BUSY,
    Reason.PUSH_FAILED,
    Reason.NOT_SENT,
    Reason.LIMIT,
)
OURS = (Reason.MERCHANT_PROBLEM,)  # our settings: it would fail again
# Of how many failures, the newest, a page is made at most: its cost does not grow with them.
MOST_COUNTED, MOST_SEARCHED = 10_000, 5_000
BADGE_SEARCHED, BADGE_TIME = 100, timedelta(days=1)


@dataclass(frozen=True)
class Hour:
    """Of Nairobi's day, over all days that are looked at."""

    hour: int
    failed: int
    back: int


@dataclass(frozen=True)
class Cause:
    reason: str
    failed: int
    back: int  # a later payment of the same invoice is paid
    hours: tuple[int, ...]  # failed, by the hour of Nairobi's day, 0 to 23
    back_hours: tuple[int, ...]  # of those, came back

    @property
    def percent_back(self) -> int:
        return round(100 * self.back / self.failed)

    @property
    def ours(self) -> bool:
        return self.reason in OURS

    @property
    def recoverable(self) -> bool:
        return self.reason in RECOVERABLE


def causes(merchant_id: int, since: datetime) -> list[Cause]:
    """The most frequent first."""
    failed = _newest(merchant_id, since, None, MOST_COUNTED)
    hour = extract("hour", func.timezone("Africa/Nairobi", failed.c.created_at))
    back = func.count().filter(_later(failed, PAID))
    query = select(failed.c.reason, hour, func.count(), back).group_by(failed.c.reason, hour)
    found: dict[str, list[tuple[int, int, int]]] = {}
    for reason, when, number, came_back in db.session.execute(query):
        found.setdefault(reason or "", []).append((int(when), number, came_back))
    return sorted(
        (_cause(reason, cells) for reason, cells in found.items()),
        key=lambda cause: (-cause.failed, cause.reason),
    )


def _newest(merchant_id: int, since: datetime, cursor: Cursor | None, most: int) -> Subquery:
    """Along the index, and no further than `most`."""
    here = tuple_(Payment.created_at, Payment.id)
    query = select(Payment.id, Payment.invoice_id, Payment.created_at, Payment.reason).where(
        Payment.merchant_id == merchant_id,
        Payment.status == FAILED,
        Payment.created_at >= since,
        *([here < tuple_(cursor.at, cursor.id)] if cursor else []),
    )
    newest_first = query.order_by(Payment.created_at.desc(), Payment.id.desc())
    return newest_first.limit(most).subquery()


def _later(failed: Subquery, status: str | None = None) -> Exists:
    """Another try at the same invoice, after this one."""
    later = aliased(Payment)
    mine = (later.invoice_id == failed.c.invoice_id, later.created_at > failed.c.created_at)
    return exists().where(*mine, *([later.status == status] if status else []))


def _cause(reason: str, cells: list[tuple[int, int, int]]) -> Cause:
    of_hour = {hour: (number, back) for hour, number, back in cells}
    day = [of_hour.get(hour, (0, 0)) for hour in range(24)]
    hours, back_hours = zip(*day, strict=True)
    return Cause(reason, sum(hours), sum(back_hours), hours, back_hours)


def by_hour(causes: list[Cause]) -> list[Hour]:
    return [
        Hour(
            hour,
            failed=sum(cause.hours[hour] for cause in causes),
            back=sum(cause.back_hours[hour] for cause in causes),
        )
        for hour in range(24)
    ]


def open_page(merchant_id: int, cursor: Cursor | None = None) -> Page:
    """The last tries at what is still owed, where a new request may bring it; newest first."""
    since = clock.now() - LINK_LIFE
    failed = _newest(merchant_id, since, cursor, MOST_SEARCHED)
    keys = list(db.session.execute(_still_open(failed).limit(listing.SIZE + 1)))
    is_more, shown = len(keys) > listing.SIZE, keys[: listing.SIZE]
    older = Cursor(shown[-1].created_at, shown[-1].id) if is_more else None
    return Page(rows.of([key.id for key in shown]), newer=None, older=older)


def _still_open(failed: Subquery) -> Select[datetime, int]:
    owed = (Invoice.paid_at.is_(None), Invoice.voided_at.is_(None))
    return (
        select(failed.c.created_at, failed.c.id)
        .join(Invoice, Invoice.id == failed.c.invoice_id)
        .where(*owed, failed.c.reason.in_(RECOVERABLE), ~_later(failed))
        .order_by(failed.c.created_at.desc(), failed.c.id.desc())
    )


def badge(merchant_id: int) -> int:
    """How many of today's newest failures are open, for the rail of every page: cheap, not exact."""
    failed = _newest(merchant_id, clock.now() - BADGE_TIME, None, BADGE_SEARCHED)
    still_open = _still_open(failed).order_by(None).subquery()
    return db.session.scalar(select(func.count()).select_from(still_open)) or 0
