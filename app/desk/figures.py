"""How payments went: counted by day of Nairobi, ahead for days that are over, live for today.

A day is the one on which a payment was begun, whatever became of it later. What counts as what:

- **asked**: attempts. A second try is a second one.
- **reached**: the prompt was on a phone. Its owner paid, closed it, let it run out or typed a PIN.
- **typed**: a PIN was typed: paid, or M-PESA looked at PIN, money or limit and refused.
- **ended**: paid or failed. What is still waiting is in no rate.
- **completed** rate: paid / ended.
- **technical** rate: paid / (ended - excused). Excused is what failed by the customer's own wish or
  wallet: closed, wrong or locked PIN, no money, over the limit.
- **seconds**: from Safaricom's acceptance of the push until we knew that it was paid.
- **delay**: from that acceptance until Safaricom's first message about a payment that was paid.
- **by asking**: paid, and our question was answered before any message came (`receipt.source`).
- **late**: paid after it had been failed.
- **collected**: receipts of the day on which M-PESA took the money, with an owner or without.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text

from app.desk import days
from app.desk.days import DAY, Span
from app.desk.tally import COUNTS, KINDS, between, fresh
from app.extensions import db


@dataclass(frozen=True)
class Counts:
    asked: int = 0
    reached: int = 0
    typed: int = 0
    ended: int = 0
    excused: int = 0
    paid: int = 0
    shillings: int = 0
    by_asking: int = 0
    late: int = 0
    late_shillings: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COUNTS))

    @property
    def failed(self) -> int:
        return self.ended - self.paid

    @property
    def completed(self) -> float | None:
        """Per cent; None where nothing has ended."""
        return _percent(self.paid, self.ended)

    @property
    def technical(self) -> float | None:
        return _percent(self.paid, self.ended - self.excused)


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


# Over the whole span, by weekday, and by day, week or month: one statement, so one moment.
@cache
def _read(kinds: tuple[str, ...]) -> TextClause:
    return text(f"""with every as (
    select kind, day, key, {", ".join(COUNTS)} from day_figure
    where merchant_id = :merchant_id and kind = any(:kinds) and day between :first and :counted
    union all select * from ({fresh(kinds)}) fresh where kind = any(:kinds)),
  dated as (select *, date_trunc(:step, day)::date as period, extract(isodow from day)::int as weekday
    from every)
  select grouping(period) = 0 as by_period, period, weekday, kind, coalesce(key, '') as key,
    {", ".join(f"sum({name})::bigint as {name}" for name in COUNTS)}
  from dated group by grouping sets ((kind, key), (kind, weekday), (kind, key, period))
  having case when grouping(weekday) = 0 then kind = 'total'
    else grouping(period) = 1 or kind in ('total', 'collected', 'cause', 'seconds') end""")  # noqa: S608


Sums = dict[str, dict[str, Counts]]  # by kind, by key


def _sums() -> Sums:
    return defaultdict(dict)


@dataclass(frozen=True)
class Figures:
    span: Span
    step: str  # day, week, month
    whole: Sums = field(default_factory=_sums)
    weekdays: dict[int, Counts] = field(default_factory=dict)  # 1 is Monday
    periods: dict[date, Sums] = field(default_factory=lambda: defaultdict(_sums))

    @property
    def total(self) -> Counts:
        return self.whole["total"].get("", Counts())

    @property
    def in_order(self) -> list[tuple[date, Sums]]:
        """Every period of the span, those in which nothing happened too."""
        return [(one, self.periods.get(one, _sums())) for one in days.periods(self.span, self.step)]


def read(merchant_id: int, span: Span, step: str = "day", kinds: Iterable[str] = KINDS) -> Figures:
    """`step`: day, week or month, for what goes on over time."""
    counted = min(span.last, through(merchant_id) or span.first - DAY)
    live_from = max(span.first, counted + DAY)
    asked = {
        "kinds": list(kinds),
        "first": span.first,
        "counted": counted,
        "step": step,
        **between(merchant_id, live_from, span.last),
    }
    found = Figures(span, step)
    for row in db.session.execute(_read(tuple(kinds)), asked).mappings():
        _put(found, dict(row))
    return found


def through(merchant_id: int) -> date | None:
    """The last day that is counted ahead, with all before it."""
    query = text("select through from figures_made where merchant_id = :merchant_id")
    found: date | None = db.session.scalar(query, {"merchant_id": merchant_id})
    return found


def _put(found: Figures, row: dict[str, Any]) -> None:
    counts = Counts(*(row[name] for name in COUNTS))
    if row["by_period"]:
        found.periods[row["period"]][row["kind"]][row["key"]] = counts
    elif row["weekday"] is not None:
        found.weekdays[row["weekday"]] = counts
    else:
        found.whole[row["kind"]][row["key"]] = counts


def percentile(seconds: dict[str, Counts], per_cent: int) -> int | None:
    """Of a histogram: the bucket in which so many per cent of the payments are reached."""
    ordered = sorted((int(key), counts.paid) for key, counts in seconds.items())
    wanted = sum(paid for _, paid in ordered) * per_cent / 100
    passed = 0
    for bucket, paid in ordered:
        passed += paid
        if passed >= wanted:
            return bucket
    return None
