"""Keep what Safaricom sends before anyone thinks about it (M10)."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    Insert,
    LargeBinary,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from app import clock, crypto, direct
from app.extensions import db
from app.payments import alerts
from app.payments.locking import FRESH
from app.payments.models import Callback, Payment, body_place

STRAY_BYTES = 1024
STRAYS_A_MINUTE = 60
STRAY_LIFE = timedelta(days=1)
MOST_TRIES = 10
LONGEST_PAUSE = timedelta(hours=1)
KEPT = ("uid", "body_sealed", "address", "received_at", "next_try_at", "tries")


def _keeping() -> Insert:
    """Finds the payment and writes the row; no row for a wrong token."""
    columns = Callback.__table__.c
    kept = [column for column in columns if column.key in KEPT]
    found = select(
        Payment.id, Payment.merchant_id, *(bindparam(c.key, type_=c.type) for c in kept)
    ).where(Payment.hook_hash == bindparam("hook", type_=LargeBinary))
    names = ["payment_id", "merchant_id", *(column.key for column in kept)]
    into = insert(Callback).from_select(names, found, include_defaults=False)
    return into.returning(Callback.id)


KEEP = direct.Statement(_keeping())


def receive(hook_token: str, body: bytes, address: str | None) -> int | None:
    """Keeps the message of a right token and answers its id; None for a wrong token.

    One statement, which is committed when this returns: 200 may be answered (M10).
    """
    values = _values(uuid4(), body, address)
    row = KEEP.one(hook=crypto.token_hash(hook_token), **values)
    return None if row is None else int(row.id)


def _values(uid: UUID, body: bytes, address: str | None) -> dict[str, object]:
    now = clock.now()
    return {
        "uid": uid,
        "body_sealed": crypto.seal(body, body_place(uid)),
        "address": address,
        "received_at": now,
        "next_try_at": now,
        "tries": 0,
    }


def receive_stray(body: bytes, address: str | None) -> None:
    """Keeps the beginning of a message with a wrong token, for a day; not a flood of them."""
    recent = Callback.received_at > clock.now() - timedelta(minutes=1)
    stray = Callback.payment_id.is_(None)
    if (db.session.scalar(select(func.count()).where(stray, recent)) or 0) >= STRAYS_A_MINUTE:
        return
    values = _values(uuid4(), body[:STRAY_BYTES], address)
    kept = values | {"settled_at": clock.now(), "outcome": "wrong token"}
    db.session.execute(insert(Callback).values(kept))


def next_due(*, oldest: bool = False) -> Callback | None:
    """The newest message that waits to be settled, locked: its customer is watching the page.

    Every few times the caller asks for the oldest, so that a backlog drains too. None: nothing waits.
    """
    order = Callback.next_try_at.asc() if oldest else Callback.next_try_at.desc()
    query = select(Callback).where(*waiting(literal(clock.now()))).order_by(order).limit(1)
    return db.session.scalar(query.with_for_update(skip_locked=True))


def still_due(callback_id: int) -> Callback | None:
    """The message, locked; None when it waits no more, or is somebody else's."""
    query = select(Callback).where(Callback.id == callback_id, *waiting(literal(clock.now())))
    return db.session.scalar(query.with_for_update(skip_locked=True), execution_options=FRESH)


def waiting(now: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (
        Callback.settled_at.is_(None),
        Callback.parked_at.is_(None),
        Callback.next_try_at <= now,
    )


def postpone(callback_id: int, error: str) -> None:
    """Tries again later, longer each time; after the last try it waits for a person."""
    callback = db.session.get_one(Callback, callback_id, with_for_update=True)
    callback.tries += 1
    callback.error = error
    callback.next_try_at = clock.now() + min(LONGEST_PAUSE, timedelta(seconds=2**callback.tries))
    if callback.tries >= MOST_TRIES:
        _park(callback)


def park(callback_id: int, error: str) -> None:
    """Nobody can read it today. It is kept, listed, and can be replayed after a deploy."""
    callback = db.session.get_one(Callback, callback_id, with_for_update=True)
    callback.error = error
    _park(callback)


def _park(callback: Callback) -> None:
    callback.parked_at = clock.now()
    payment = db.session.get_one(Payment, callback.payment_id)
    alerts.raise_for(
        payment, "parked", f"Message {callback.id} cannot be settled: {callback.error}."
    )


def unsettled() -> list[Callback]:
    """Parked messages, and those that failed and wait for another try."""
    waiting = or_(Callback.parked_at.is_not(None), Callback.tries > 0)
    query = select(Callback).where(Callback.settled_at.is_(None), waiting)
    return list(db.session.scalars(query.order_by(Callback.id)))


def unpark(callback_id: int | None) -> int:
    """Makes one parked message, or all of them, due again. Answers how many."""
    one = Callback.id == callback_id if callback_id is not None else true()
    parked = (Callback.parked_at.is_not(None), Callback.settled_at.is_(None), one)
    due = {"parked_at": None, "next_try_at": clock.now(), "tries": 0}
    changed = db.session.execute(update(Callback).where(*parked).values(due).returning(Callback.id))
    return len(changed.all())


def purge_strays() -> int:
    """Forgets messages with wrong tokens after a day. Answers how many."""
    old = (Callback.payment_id.is_(None), Callback.received_at < clock.now() - STRAY_LIFE)
    return len(db.session.execute(delete(Callback).where(*old).returning(Callback.id)).all())
