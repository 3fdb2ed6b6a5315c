"""The first page: today's figures beside those of the days before."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import add
from statistics import median

from sqlalchemy import func, select

from app import clock
from app.desk import days, figures
from app.desk.days import DAY
from app.desk.figures import Counts, Figures, Sums
from app.extensions import db
from app.payments.models import Payment, Receipt
from app.payments.states import LIVE, UNCONFIRMED

FORTNIGHT = 14
WEEK = 7
KINDS = ("total", "collected", "cause", "seconds")
SLOW = timedelta(minutes=5)  # whoever still waits then may want a person
NOTHING: Counts = Counts()


@dataclass(frozen=True)
class Day:
    day: date
    counts: Counts
    collected: int  # shillings
    median: int | None  # seconds to pay
    p95: int | None


@dataclass(frozen=True)
class Waiting:
    """Payments that nobody knows the end of: a prompt is out, or nobody told us."""

    count: int
    slow: int  # longer than SLOW
    oldest: datetime | None

    @property
    def minutes(self) -> int:
        """How long the oldest has waited."""
        return int((clock.now() - self.oldest).total_seconds()) // 60 if self.oldest else 0


@dataclass(frozen=True)
class Cause:
    reason: str
    codes: tuple[str, ...]  # Safaricom's, the most frequent first
    failed: int
    percent: float  # of all that failed


@dataclass(frozen=True)
class Overview:
    days: list[Day]  # the last one is today
    before: Counts  # the seven days before today, together
    median_before: float | None
    collected_then: int  # a week ago, until this time of the day
    waiting: Waiting
    causes: list[Cause]

    @property
    def today(self) -> Day:
        return self.days[-1]

    @property
    def empty(self) -> bool:
        return not any(day.counts.asked for day in self.days)


def of(merchant_id: int) -> Overview:
    found = figures.read(merchant_id, days.last_days(FORTNIGHT), kinds=KINDS)
    each = [_day(found.span.first + n * DAY, found) for n in range(FORTNIGHT)]
    week = each[-1 - WEEK : -1]
    medians = [day.median for day in week if day.median is not None]
    return Overview(
        days=each,
        before=reduce(add, (day.counts for day in week)),
        median_before=median(medians) if medians else None,
        collected_then=_collected_a_week_ago(merchant_id),
        waiting=waiting(merchant_id),
        causes=causes(found.whole["cause"]),
    )


def _day(day: date, found: Figures) -> Day:
    sums: Sums = found.periods[day]
    seconds = sums["seconds"]
    return Day(
        day,
        counts=sums["total"].get("", NOTHING),
        collected=sums["collected"].get("", NOTHING).shillings,
        median=figures.percentile(seconds, 50),
        p95=figures.percentile(seconds, 95),
    )


def _collected_a_week_ago(merchant_id: int) -> int:
    """Until this time of that day: half a day is not compared with a whole one."""
    since = days.midnight(days.today() - WEEK * DAY)
    until = clock.now() - WEEK * DAY
    mine = (Receipt.merchant_id == merchant_id, Receipt.paid_at.between(since, until))
    return int(
        db.session.scalar(select(func.coalesce(func.sum(Receipt.amount), 0)).where(*mine)) or 0
    )


def waiting(merchant_id: int) -> Waiting:
    slow = func.count().filter(Payment.created_at < clock.now() - SLOW)
    undecided = (Payment.merchant_id == merchant_id, Payment.status.in_((*LIVE, UNCONFIRMED)))
    query = select(func.count(), slow, func.min(Payment.created_at)).where(*undecided)
    return Waiting(*db.session.execute(query).one())


def causes(sums: dict[str, Counts]) -> list[Cause]:
    """By reason, with the codes that Safaricom gave for it; the most frequent first."""
    by_reason: dict[str, dict[str, int]] = {}
    for key, counts in sums.items():
        reason, _, code = key.partition("|")
        by_reason.setdefault(reason, {})[code] = counts.asked
    everything = sum(sum(codes.values()) for codes in by_reason.values())
    found = [_cause(reason, codes, everything) for reason, codes in by_reason.items()]
    return sorted(found, key=lambda cause: (-cause.failed, cause.reason))


def _cause(reason: str, codes: dict[str, int], everything: int) -> Cause:
    frequent = sorted(codes, key=lambda code: (-codes[code], code))
    failed = sum(codes.values())
    return Cause(reason, tuple(filter(None, frequent)), failed, 100 * failed / everything)
