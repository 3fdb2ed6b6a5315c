"""When people buy: by hour and weekday, more at the month's ends; and one evening that went wrong."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from app import clock
from app.clock import NAIROBI
from app.desk import days

LENGTH = 45  # days before today
HOURS = (1, 1, 1, 1, 1, 2, 5, 9, 10, 8, 7, 7, 10, 9, 6, 6, 7, 9, 12, 13, 11, 7, 4, 2)
WEEKDAYS = (1.0, 0.98, 1.0, 1.05, 1.15, 0.95, 0.7)  # Monday first
PAY_DAYS = frozenset({*range(1, 6), *range(26, 32)})
PAY_DAY, SCHOOL_DAY = 1.2, 0.95
# So long ago M-PESA had a bad evening.
BAD_DAY, BAD_HOURS = timedelta(days=4), range(17, 21)
OPENS = timedelta(hours=8, minutes=40)
QUIET = timedelta(minutes=4)  # nothing is in flight when the story ends
EARLY_BIRDS = 9  # today has at least so many payments, once it is a while old
A_WHILE = timedelta(minutes=8)


@dataclass(frozen=True)
class Calendar:
    today: date
    end: datetime
    chance: Random

    @classmethod
    def until_now(cls, seed: int) -> "Calendar":
        return cls(days.today(), clock.now() - QUIET, Random(seed))  # noqa: S311 - a story

    @property
    def days(self) -> list[date]:
        return [self.today - n * days.DAY for n in range(LENGTH, -1, -1)]

    def rush(self, day: date) -> float:
        """How busy a day is, beside the usual one."""
        pay = PAY_DAY if day.day in PAY_DAYS else SCHOOL_DAY
        return WEEKDAYS[day.weekday()] * pay

    def moment(self, day: date) -> datetime:
        """Some time of the day; of today's also one that is still to come."""
        [hour] = self.chance.choices(range(24), HOURS)
        seconds = self.chance.uniform(0, 3600)
        return days.midnight(day) + timedelta(hours=hour, seconds=seconds)

    def kept(self, moments: list[datetime]) -> list[datetime]:
        """Of today's moments those that have been; early in the day a few all the same."""
        past = [moment for moment in moments if moment <= self.end]
        since = days.midnight(self.today)
        missing = min(EARLY_BIRDS, len(moments)) - len(past)
        if missing <= 0 or self.end - since < A_WHILE:
            return past
        return past + [since + self.chance.random() * (self.end - since) for _ in range(missing)]

    def morning(self, day: date) -> datetime:
        """When the office opens, or a while ago where today's is still to come."""
        since = days.midnight(day)
        return min(since + OPENS, since + (self.end - since) / 2)

    @property
    def last_evening(self) -> datetime:
        return days.midnight(self.today) - timedelta(hours=4)

    def is_bad(self, moment: datetime) -> bool:
        local = moment.astimezone(NAIROBI)
        return local.date() == self.today - BAD_DAY and local.hour in BAD_HOURS
