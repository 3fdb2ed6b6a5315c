"""Token buckets in PostgreSQL: one statement takes a token, whichever process asks."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Float, cast, extract, func, literal, select, update
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
