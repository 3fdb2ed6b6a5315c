"""Whether a prompt may go out through a number now: always, unless an outage of it stands (ADR 17).

Whoever wants to ask for money comes through here: customers by `enter`, staff and renewals too, and
the sender by `standing`, `not_waiting` and `lets_out`. Without an outage each costs one indexed read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    SmallInteger,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)

from app import clock, merchants
from app.errors import MustWait, Refused
from app.extensions import db
from app.merchants import Merchant
from app.payments import buckets, outages
from app.payments.models import Payment
from app.payments.outage_models import Outage

BUSY, PAUSED = "M-PESA is busy", "prompts are paused"  # rules of MustWait
CUSTOMER = "customer"
LONGEST_PAUSE = 120  # seconds between two single prompts; the first is outages.FIRST_LOOK
RAMP = timedelta(seconds=30)  # as long as an unsent prompt lives
RAMP_START, RAMP_STEP = 4, 5  # prompts a second, which double every so many seconds


class Held(Refused):
    """Of anybody but a customer: not now, and later perhaps."""


@dataclass(frozen=True)
class Shut:
    """What a page says about it."""

    paused: bool
    until: datetime
    seconds: int  # until a single prompt may try; 0: now


def shut(look_at: datetime, *, by_hand: bool) -> Shut:
    """By the facts of an outage that stands."""
    left = ceil((look_at - clock.now()).total_seconds())
    return Shut(by_hand, look_at, max(0, left))


def enter(merchant: Merchant, *, asked_by: str = CUSTOMER, insists: bool = False) -> None:
    """Raises MustWait for customers, Held with a sentence for anybody else.

    A customer who was told, and insists, may be the single prompt that tries. Call it after the
    limits, with the phone's lock: the outage's row is locked last.
    """
    outage = outages.of(merchant.number)
    if outage is None:
        return
    found = shut(outage.look_at, by_hand=outage.by_hand)
    if asked_by != CUSTOMER:
        raise Held(_for_staff(found))
    if found.paused:
        raise MustWait(max(1, found.seconds), PAUSED)
    if not (insists and _take(merchant.number)):
        raise MustWait(max(1, found.seconds), BUSY)


def _for_staff(found: Shut) -> str:
    if found.paused:
        return f"Requests are paused until {found.until.astimezone(clock.NAIROBI):%H:%M}."
    return "M-PESA is very busy: requests are held. Try again when it answers, or see Overview."


def _take(number: str) -> bool:
    """One of all that ask at the same time has it; each leaves a longer pause behind than the last."""
    now = clock.now()
    doubled = func.least(outages.FIRST_LOOK.seconds * func.power(2, Outage.probes), LONGEST_PAUSE)
    taken = {
        "look_at": literal(now) + doubled * literal(timedelta(seconds=1)),
        "probes": cast(func.least(Outage.probes + 1, 1_000), SmallInteger),
    }
    free = (Outage.closed_at.is_(None), Outage.by_hand.is_(False), Outage.look_at <= now)
    statement = update(Outage).where(Outage.shortcode == number, *free).values(taken)
    return db.session.scalar(statement.returning(Outage.id)) is not None


def busy_until(number: ColumnElement[str | None]) -> ScalarSelect[datetime]:
    """When a single prompt may try, for statements; null: no outage stands."""
    mine = (Outage.shortcode == number, Outage.closed_at.is_(None), Outage.by_hand.is_(False))
    return select(Outage.look_at).where(*mine).correlate_except(Outage).scalar_subquery()


@dataclass(frozen=True)
class Standing:
    """An outage that stands, or has just ended: then prompts go out at a rising rate."""

    number: str
    opened_at: datetime
    closed_at: datetime | None
    free: bool  # a single prompt may try

    @property
    def rate(self) -> buckets.Rate:
        since = (clock.now() - (self.closed_at or clock.now())).total_seconds()
        per_second = RAMP_START * 2 ** (max(0.0, since) / RAMP_STEP)
        return buckets.Rate(capacity=per_second, per_second=per_second)

    @property
    def bucket(self) -> str:
        return f"sends:{self.number}"

    @property
    def waits(self) -> ColumnElement[bool] | None:
        """Whose prompts stay where they are; None: nobody's."""
        others = Payment.merchant_id.not_in(
            select(Merchant.id).where(merchants.number_column() == self.number)
        )
        if self.closed_at is not None:
            return None if buckets.has_token(self.bucket, self.rate) else others
        # What was asked for since has come through `enter`.
        return None if self.free else or_(others, Payment.created_at > self.opened_at)


Gates = Mapping[str, Standing]


def standing() -> Gates:
    """By number; nearly always none."""
    now = clock.now()
    free = (Outage.look_at <= now) & Outage.by_hand.is_(False)
    query = select(Outage.shortcode, Outage.opened_at, Outage.closed_at, free)
    lately = or_(Outage.closed_at.is_(None), Outage.closed_at > now - RAMP)
    rows = db.session.execute(query.where(lately).order_by(Outage.opened_at))
    return {row[0]: Standing(*row) for row in rows}  # the newest of a number is its last


def not_waiting(gates: Gates) -> list[ColumnElement[bool]]:
    """Which unsent prompts may be looked at."""
    return [passes for gate in gates.values() if (passes := gate.waits) is not None]


def lets_out(payment: Payment, gates: Gates) -> bool:
    """False: somebody else was quicker. The caller looks again, at the gates too."""
    gate = gates.get(payment.merchant.number) if gates else None
    if gate is None:
        return True
    if gate.closed_at is not None:
        return buckets.take(gate.bucket, gate.rate)
    return payment.created_at > gate.opened_at or _take(gate.number)
