"""Token buckets in PostgreSQL: one statement takes a token, whichever process asks."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Float, Integer, cast, extract, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from app import clock
from app.extensions import Model, db


class RateBucket(Model):
    """A token bucket that every process shares (limits.py)."""

    __tablename__ = "rate_bucket"

    key: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float]
    filled_at: Mapped[datetime]


@dataclass(frozen=True)
class Rate:
    capacity: float
    per_second: float


def take(key: str, rate: Rate) -> bool:
    """False when the bucket is empty. The caller commits."""
    taken = taking(literal(key), rate, literal(clock.now()))
    return db.session.execute(taken).first() is not None


def taking(
    key: ColumnElement[str], rate: Rate, now: ColumnElement[datetime]
) -> ReturningInsert[tuple[str]]:
    """The statement: no row when the bucket is empty."""
    fresh = insert(RateBucket).values(key=key, tokens=rate.capacity - 1, filled_at=now)
    filled = _filled(rate, now)
    taken = fresh.on_conflict_do_update(
        index_elements=["key"],
        set_={"tokens": filled - 1, "filled_at": now},
        where=filled >= 1,
    )
    return taken.returning(RateBucket.key)


def take_up_to(most: int, key: str, rate: Rate) -> int:
    """As `take`, but several at once. How many it took. The caller commits."""
    now = clock.now()
    full = insert(RateBucket).values(key=key, tokens=rate.capacity, filled_at=now)
    there = select(RateBucket.key, _filled(rate, literal(now)).label("tokens"))
    locked = there.where(RateBucket.key == key).with_for_update().subquery()
    taken = func.least(most, func.floor(locked.c.tokens))
    changed = update(RateBucket).where(RateBucket.key == locked.c.key, locked.c.tokens >= 1)
    changed = changed.values(tokens=locked.c.tokens - taken, filled_at=now)
    for _ in range(2):  # the second time it is there
        found = db.session.scalar(changed.returning(cast(taken, Integer)))
        if found is not None:
            return int(found)
        if db.session.scalar(full.on_conflict_do_nothing().returning(RateBucket.key)) is None:
            return 0
    return 0


def has_token(key: str, rate: Rate) -> bool:
    """Whether it is worth trying, without a lock."""
    empty = select(RateBucket.key).where(
        RateBucket.key == key, _filled(rate, literal(clock.now())) < 1
    )
    return db.session.scalar(empty) is None


def _filled(rate: Rate, now: ColumnElement[datetime]) -> ColumnElement[float]:
    seconds = cast(extract("epoch", now - RateBucket.filled_at), Float)
    return func.least(rate.capacity, RateBucket.tokens + seconds * rate.per_second)


def drain(key: str, rate: Rate, *, seconds: float) -> None:
    """Leaves nothing to take for so many seconds: Safaricom has told us to slow down."""
    empty = {"tokens": 1 - seconds * rate.per_second, "filled_at": clock.now()}
    statement = insert(RateBucket).values(key=key, **empty)
    db.session.execute(statement.on_conflict_do_update(index_elements=["key"], set_=empty))


def give_back(key: str, rate: Rate) -> None:
    """What take() took, for a try that was not of the kind that the limit is for."""
    more = func.least(rate.capacity, RateBucket.tokens + 1)
    db.session.execute(update(RateBucket).where(RateBucket.key == key).values(tokens=more))
