"""What the figures of some days say, table by table: for the page, and for a spreadsheet."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app.billing.models import Plan
from app.desk import figures, recurring, words
from app.desk.days import Span
from app.desk.figures import Counts, Figures
from app.desk.recurring import OfPlan
from app.desk.sheets import Column, Row, Table
from app.extensions import db

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TRIES = {"1": "First", "2": "Second", "3": "Third or later"}
# How long Safaricom's first message took: the name, and the first second beyond.
DELAYS = (
    ("under 10 s", 10),
    ("10 to 20 s", 20),
    ("20 to 30 s", 30),
    ("30 to 60 s", 60),
    ("1 to 5 min", 300),
    ("longer", None),
)
# Up to so many days one by one, then by week, then by month.
MOST_DAYS, MOST_WEEKS = 31, 26
NOTHING = Counts()
RATES = (
    Column("Asked"),
    Column("Ended"),
    Column("Paid"),
    Column("Completed", "percent"),
    Column("Technical", "percent"),
)

Named = Iterable[tuple[str, Counts]]


@dataclass(frozen=True)
class Analytics:
    figures: Figures
    step: str  # day, week, month
    plans: list[OfPlan]
    tables: dict[str, Table]


def of(merchant_id: int, span: Span) -> Analytics:
    step = step_of(span)
    found = figures.read(merchant_id, span, step)
    plans = recurring.of(merchant_id, span)
    made = (
        _funnel(found.total),
        _rates("hours", "By hour", "Hour", _hours(found)),
        _rates("weekdays", "By weekday", "Weekday", _weekdays(found)),
        _rates("plans", "By plan", "Plan", _plans(merchant_id, found)),
        _rates("tries", "By try", "Try", _tries(found)),
        _times(found),
        _codes(found),
        _codes_over_time(found),
        _delays(found),
        _over_time(found),
        _subscriptions(plans),
    )
    return Analytics(found, step, plans, {table.name: table for table in made})


def step_of(span: Span) -> str:
    if span.days <= MOST_DAYS:
        return "day"
    return "week" if span.days <= 7 * MOST_WEEKS else "month"


def _funnel(total: Counts) -> Table:
    steps = {
        "Asked": total.asked,
        "On the phone": total.reached,
        "PIN typed": total.typed,
        "Paid": total.paid,
    }
    rows: list[Row] = [
        (name, count, 100 * count / total.asked if total.asked else None)
        for name, count in steps.items()
    ]
    columns = (Column("Step", "text"), Column("Payments"), Column("Of all asked", "percent"))
    return Table("funnel", "From asking to paid", columns, rows)


def _rates(name: str, title: str, heading: str, named: Named) -> Table:
    rows: list[Row] = [
        (label, one.asked, one.ended, one.paid, one.completed, one.technical)
        for label, one in named
    ]
    return Table(name, title, (Column(heading, "text"), *RATES), rows)


def _hours(found: Figures) -> Named:
    of_hour = found.whole["hour"]
    return [(f"{hour:02}:00", of_hour.get(str(hour), NOTHING)) for hour in range(24)]


def _weekdays(found: Figures) -> Named:
    return [(name, found.weekdays.get(n, NOTHING)) for n, name in enumerate(WEEKDAYS, 1)]


def _plans(merchant_id: int, found: Figures) -> Named:
    query = select(Plan.id, Plan.name).where(Plan.merchant_id == merchant_id)
    names = {str(plan_id): name for plan_id, name in db.session.execute(query)}
    sold = found.whole["plan"].items()
    ordered = sorted(sold, key=lambda one: (-one[1].asked, names.get(one[0], "")))
    return [(names.get(key, key), counts) for key, counts in ordered]


def _tries(found: Figures) -> Named:
    return [(name, found.whole["attempt"].get(key, NOTHING)) for key, name in TRIES.items()]


def _times(found: Figures) -> Table:
    rows: list[Row] = [
        (
            period,
            sums["total"].get("", NOTHING).paid,
            figures.percentile(sums["seconds"], 50),
            figures.percentile(sums["seconds"], 95),
        )
        for period, sums in found.in_order
    ]
    columns = (
        Column("From", "period"),
        Column("Paid"),
        Column("Half paid within", "seconds"),
        Column("95 % paid within", "seconds"),
    )
    return Table("times", "Time to pay", columns, rows)


def _codes(found: Figures) -> Table:
    total = found.total.failed
    rows: list[Row] = [
        (words.cause(reason), code, counts.asked, 100 * counts.asked / total)
        for (reason, code), counts in _by_code(found.whole["cause"])
    ]
    columns = (
        Column("Cause", "text"),
        Column("M-PESA code", "text"),
        Column("Failed"),
        Column("Of all failed", "percent"),
    )
    return Table("causes", "Why payments fail", columns, rows)


def _by_code(causes: dict[str, Counts]) -> list[tuple[tuple[str, str], Counts]]:
    """The most frequent first."""
    split = [((key.partition("|")[0], key.partition("|")[2]), one) for key, one in causes.items()]
    return sorted(split, key=lambda one: (-one[1].asked, one[0]))


def _codes_over_time(found: Figures) -> Table:
    rows: list[Row] = [
        (period, words.cause(reason), code, counts.asked)
        for period, sums in found.in_order
        for (reason, code), counts in _by_code(sums["cause"])
    ]
    columns = (
        Column("From", "period"),
        Column("Cause", "text"),
        Column("M-PESA code", "text"),
        Column("Failed"),
    )
    return Table("codes", "Codes over time", columns, rows)


def _delays(found: Figures) -> Table:
    """Of payments that were paid; also of those that had failed before, by their first message."""
    delays = {int(key): counts.paid for key, counts in found.whole["delay"].items()}
    rows: list[Row] = []
    since = 0
    for name, until in DELAYS:
        paid = [n for key, n in delays.items() if key >= since and (until is None or key < until)]
        rows.append((name, sum(paid)))
        since = until or since
    rows.append(("no message", found.total.paid - sum(delays.values())))
    columns = (Column("Message came", "text"), Column("Paid"))
    return Table("delays", "How long M-PESA’s message takes", columns, rows)  # noqa: RUF001


def _over_time(found: Figures) -> Table:
    rows: list[Row] = []
    for period, sums in found.in_order:
        one = sums["total"].get("", NOTHING)
        collected = sums["collected"].get("", NOTHING).shillings
        rates = (one.asked, one.ended, one.paid, one.completed, one.technical)
        rows.append((period, *rates, collected, one.by_asking, one.late, one.late_shillings))
    more = (
        Column("Collected", "ksh"),
        Column("Found only by asking"),
        Column("Late successes"),
        Column("Late money", "ksh"),
    )
    return Table("periods", "Over time", (Column("From", "period"), *RATES, *more), rows)


def _subscriptions(plans: list[OfPlan]) -> Table:
    rows: list[Row] = [(one.plan, one.active, one.new, one.lapsed, one.monthly) for one in plans]
    columns = (
        Column("Plan", "text"),
        Column("Active now"),
        Column("New"),
        Column("Lapsed"),
        Column("KSh a month", "ksh"),
    )
    return Table("subscriptions", "Subscriptions", columns, rows)
