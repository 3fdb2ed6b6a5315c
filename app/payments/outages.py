"""When M-PESA is sick: the outage of a number begins and ends by what our own attempts say (ADR 17).

Begins and ends are rows of one transaction each; two schedulers that see the same begin it once,
because one open outage per number is all that the index takes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app import clock, merchants
from app.extensions import db
from app.payments import outage_evidence as evidence
from app.payments.locking import FRESH
from app.payments.outage_evidence import Evidence
from app.payments.outage_models import OPEN_SQL, Outage

LEAST_PHONES = 5
FIRST_LOOK = timedelta(seconds=10)
# Without a fault for so long nothing is known any more. Not: without a try, or whoever keeps trying
# with phones that are off would keep it open.
QUIET = evidence.WINDOW
SCHEDULER = "scheduler"
HISTORY = 20


@dataclass(frozen=True)
class Pause:
    """Of prompts, by somebody of the staff: for maintenance, say. It ends by itself."""

    length: timedelta
    reason: str
    actor: str


def look() -> list[Outage]:
    """Begins and ends what the evidence says. Answers what has changed; the caller commits."""
    found = {one.number: one for one in evidence.read()}
    standing = open_now()
    ended = [outage for outage in standing if _end_if_over(outage, found.get(outage.shortcode))]
    known = {outage.shortcode for outage in standing}
    return [*ended, *_begun(one for one in found.values() if one.number not in known)]


def open_now() -> list[Outage]:
    """All that stand, for whoever watches: /metrics, the log. Of no merchant in particular."""
    query = select(Outage).where(OPEN_SQL).order_by(Outage.id)
    return list(db.session.scalars(query))


def of(number: str) -> Outage | None:
    """The one that stands."""
    return db.session.scalar(select(Outage).where(Outage.shortcode == number, OPEN_SQL))


def history(number: str) -> list[Outage]:
    """The newest first."""
    query = select(Outage).where(Outage.shortcode == number).order_by(Outage.opened_at.desc())
    return list(db.session.scalars(query.limit(HISTORY)))


def _begun(found: Iterable[Evidence]) -> list[Outage]:
    begun = [_begin(one) for one in found if is_sick(one)]
    return [outage for outage in begun if outage is not None]


def is_sick(one: Evidence) -> bool:
    """As many phones as a few people could not make up, and at least half of all."""
    return one.failed >= LEAST_PHONES and one.failed >= one.served


def _begin(one: Evidence) -> Outage | None:
    facts = {"by_hand": False, "opened_by": SCHEDULER, "why": one.said}
    return _insert(one.number, FIRST_LOOK, facts)


def pause(number: str, wanted: Pause) -> Outage | None:
    """In place of an outage that began by itself. None: it is paused already."""
    if (standing := of(number)) is not None and not standing.by_hand:
        end(standing, wanted.actor, "Paused by hand.")
    facts = {"by_hand": True, "opened_by": wanted.actor, "why": wanted.reason}
    return _insert(number, wanted.length, facts)


def _insert(number: str, look_in: timedelta, facts: dict[str, object]) -> Outage | None:
    now = clock.now()
    row = facts | {"shortcode": number, "opened_at": now, "look_at": now + look_in, "probes": 0}
    statement = insert(Outage).values(row)
    once = statement.on_conflict_do_nothing(index_elements=["shortcode"], index_where=OPEN_SQL)
    made = db.session.scalar(once.returning(Outage.id))
    return db.session.get_one(Outage, made) if made is not None else None


def _end_if_over(outage: Outage, one: Evidence | None) -> bool:
    why = _over(outage, one)
    return why is not None and end(outage, SCHEDULER, why)


def _over(outage: Outage, one: Evidence | None) -> str | None:
    now = clock.now()
    if outage.by_hand:
        return "The pause is over." if outage.look_at <= now else None
    if one is not None and one.newest_is_served:
        return "M-PESA answers again."
    quiet = one is None or one.failed == 0
    return "Nothing has failed for a while." if quiet and outage.opened_at <= now - QUIET else None


def end(outage: Outage, actor: str, why: str) -> bool:
    """False: somebody else has ended it."""
    query = select(Outage).where(Outage.id == outage.id).with_for_update()
    fresh = db.session.scalars(query, execution_options=FRESH).one()
    if fresh.closed_at is not None:
        return False
    fresh.closed_at, fresh.closed_by, fresh.closed_why = clock.now(), actor, why
    return True


def sharers(number: str) -> int:
    """How many merchants are paid through it."""
    theirs = select(func.count()).where(merchants.number_column() == number)
    return db.session.scalar(theirs) or 0
