"""What happens in these weeks: people come, buy, fail, try again, renew, stay away."""

import heapq
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy import select

from app.billing.models import Plan
from app.cli.history import buyers, chances
from app.cli.history.book import Book, Row
from app.cli.history.buyers import Buyer
from app.cli.history.calendar import LENGTH, Calendar
from app.cli.history.chances import Fate
from app.cli.history.messages import Post
from app.cli.history.people import Crowd
from app.cli.history.telling import LAST_QUESTION, Teller, Try
from app.extensions import db

# How many subscribe to each plan, and until which share of the days new ones come.
CROWDS = {"daily": (185, 0.7), "standard": (205, 1.0), "yearly": (42, 1.0)}
BUYS_A_DAY = 0.2  # so many of those with day passes buy one, on a usual day
RENEWS = 0.82
RETRIES_MOST = 3
AFTERMATH = timedelta(minutes=2)  # until somebody buys again
TWICE = timedelta(days=2)  # so long ago somebody paid twice
UNCONFIRMED_MINUTES = (7, 26)  # ago: still waiting when the story ends
YESTERDAY = timedelta(hours=22)
NEVER_TOLD = timedelta(days=2, hours=5)


@dataclass
class Told:
    """What loose ends hang on."""

    calendar: Calendar
    post: Post
    tries: list[Try]  # all of them
    paid_twice: Try | None = None
    never_told: Try | None = None


@dataclass(order=True)
class Want:
    """Somebody means to pay."""

    at: datetime
    number: int
    buyer: Buyer = field(compare=False)
    retry_of: Row | None = field(default=None, compare=False)
    tries: int = field(default=0, compare=False)


class Story:
    def __init__(self, book: Book, calendar: Calendar, crowd: Crowd) -> None:
        self.book, self.calendar, self.crowd = book, calendar, crowd
        self.chance = calendar.chance
        self.teller = Teller(book, calendar.chance)
        self.told = Told(calendar, self.teller.post, self.teller.tries)
        self._numbers = count()
        self._wants: list[Want] = []
        mine = select(Plan).where(Plan.merchant_id == book.merchant.id)
        self.plans = {plan.code: plan for plan in db.session.scalars(mine)}

    def want(self, buyer: Buyer, at: datetime, retry_of: Row | None = None, tries: int = 0) -> None:
        if at <= self.calendar.end:
            heapq.heappush(self._wants, Want(at, next(self._numbers), buyer, retry_of, tries))

    def go_on(self) -> None:
        """In the order of time, until nobody wants anything any more."""
        while self._wants:
            want = heapq.heappop(self._wants)
            if want.buyer.busy_until is None or want.at > want.buyer.busy_until:
                self._try(want)

    def _try(self, want: Want) -> None:
        bad = self.calendar.is_bad(want.at)
        fate = chances.fate(self.chance, again=want.tries > 0, bad=bad)
        fate = self._possible(fate, want.at)
        one = self.teller.attempt(want.buyer, want.at, fate, want.retry_of)
        want.buyer.busy_until = (one.row["ended_at"] or want.at) + AFTERMATH
        if one.row["paid_at"]:
            self._renew(want.buyer)
        elif want.tries < RETRIES_MOST:
            self._again(want, one)

    def _possible(self, fate: Fate, at: datetime) -> Fate:
        """What would end after the story's end has another one."""
        ends = at + (
            LAST_QUESTION if fate.kind == "silent" else timedelta(seconds=fate.seconds + 60)
        )
        return fate if ends < self.calendar.end else Fate("paid", chances.to_pay(self.chance))

    def _again(self, want: Want, one: Try) -> None:
        minutes = chances.minutes_until_retry(self.chance, one.row["reason"])
        if minutes is not None and one.row["ended_at"]:
            at = one.row["ended_at"] + timedelta(minutes=minutes)
            want.buyer.busy_until = one.row["ended_at"]
            self.want(want.buyer, at, one.row, want.tries + 1)

    def _renew(self, buyer: Buyer) -> None:
        """Around the end of the paid time, most of them; those with day passes when they like."""
        if buyer.plan.unit == "day" or self.chance.random() > RENEWS:
            return
        ends: datetime = buyer.subscription["paid_through"]
        self.want(buyer, ends + timedelta(hours=self.chance.uniform(-20, 30)))

    def open_doors(self) -> None:
        """Everybody's first purchase, and the day passes of the days that follow."""
        for code, (number, until) in CROWDS.items():
            for at in self._arrivals(number, until):
                buyer = buyers.arrive(self.book, self.crowd, self.plans[code], at)
                self.want(buyer, at + timedelta(seconds=self.chance.uniform(20, 90)))
                if code == "daily":
                    self._visits(buyer, at.date())

    def _arrivals(self, number: int, until: float) -> list[datetime]:
        open_days = self.calendar.days[: max(1, int(until * (LENGTH + 1)))]
        rush = [self.calendar.rush(day) for day in open_days]
        chosen = self.chance.choices(open_days, rush, k=number)
        moments = [self.calendar.moment(day) for day in chosen]
        return sorted(moment for moment in moments if moment < self.calendar.end)

    def _visits(self, buyer: Buyer, since: date) -> None:
        for day in self.calendar.days:
            if day <= since or self.chance.random() > BUYS_A_DAY * self.calendar.rush(day):
                continue
            for at in self.calendar.kept([self.calendar.moment(day)]):
                self.want(buyer, at)


def tell(book: Book, calendar: Calendar, crowd: Crowd) -> Told:
    story = Story(book, calendar, crowd)
    story.open_doors()
    story.go_on()
    _pay_twice(story)
    _contradict(story)
    _never_hear(story)
    return story.told


def _newcomer(story: Story, at: datetime) -> Buyer:
    return buyers.arrive(story.book, story.crowd, story.plans["standard"], at - AFTERMATH)


def _pay_twice(story: Story) -> None:
    """The phone could not be reached, the second request was paid, and then the first one too."""
    at = story.calendar.end - TWICE
    buyer = _newcomer(story, at)
    first = story.teller.attempt(buyer, at, chances.unreachable())
    later = at + timedelta(minutes=3)
    story.teller.attempt(buyer, later, Fate("paid", 14), first.row)
    story.teller.told(first, 520)
    story.told.paid_twice = first


def _contradict(story: Story) -> None:
    """Yesterday, a failure was reported after the success. What is paid stays paid."""
    at = story.calendar.end - YESTERDAY
    one = story.teller.attempt(_newcomer(story, at), at, Fate("paid", 21))
    story.teller.contradict(one, 96, "1032")


def _never_hear(story: Story) -> None:
    """Nobody knows what became of them: one for good, and two that are still asked about."""
    at = story.calendar.end - NEVER_TOLD
    story.told.never_told = story.teller.attempt(_newcomer(story, at), at, chances.silence())
    for minutes in UNCONFIRMED_MINUTES:
        at = story.calendar.end + timedelta(minutes=4 - minutes)
        story.teller.attempt(_newcomer(story, at), at, Fate("silent", 0))
