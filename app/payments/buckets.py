"""Token buckets in PostgreSQL: one statement takes a token, whichever process asks."""

from datetime import datetime

from sqlalchemy import Float, cast, extract, func, literal
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.extensions import Model, db


class RateBucket(Model):
    """A token bucket that every process shares (limits.py)."""

    __tablename__ = "rate_bucket"

    key: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float]
    filled_at: Mapped[datetime]


def take(key: str, *, capacity: float, per_second: float) -> bool:
    """False when the bucket is empty. The caller commits."""
    now = clock.now()
    fresh = insert(RateBucket).values(key=key, tokens=capacity - 1, filled_at=now)
    seconds = cast(extract("epoch", literal(now) - RateBucket.filled_at), Float)
    filled = func.least(capacity, RateBucket.tokens + seconds * per_second)
    taken = fresh.on_conflict_do_update(
        index_elements=["key"],
        set_={"tokens": filled - 1, "filled_at": now},
        where=filled >= 1,
    )
    return db.session.execute(taken.returning(RateBucket.key)).first() is not None


def drain(key: str, *, seconds: float, per_second: float) -> None:
    """Leaves nothing to take for so many seconds: Safaricom has told us to slow down."""
    empty = {"tokens": 1 - seconds * per_second, "filled_at": clock.now()}
    statement = insert(RateBucket).values(key=key, **empty)
    db.session.execute(statement.on_conflict_do_update(index_elements=["key"], set_=empty))
