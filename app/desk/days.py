"""Days of Nairobi: what the figures are counted by."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app import clock
from app.clock import NAIROBI

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """Some days, the last one included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self) -> "Span":
        """As many days, just before."""
        return Span(self.first - self.days * DAY, self.first - DAY)


def today() -> date:
    return day_of(clock.now())


def day_of(time: datetime) -> date:
    return time.astimezone(NAIROBI).date()


def last_days(days: int) -> Span:
    return Span(today() - (days - 1) * DAY, today())


def midnight(day: date) -> datetime:
    """The day's first moment."""
    return datetime.combine(day, time(), NAIROBI)


def begin(day: date, step: str) -> date:
    """Of the day itself, its week (Monday) or its month, as PostgreSQL's date_trunc has it."""
    if step == "week":
        return day - day.weekday() * DAY
    return day.replace(day=1) if step == "month" else day


def periods(span: Span, step: str) -> list[date]:
    """How each day, week or month of the span begins, the first one maybe before it."""
    every = (span.first + n * DAY for n in range(span.days))
    return sorted({begin(day, step) for day in every})
