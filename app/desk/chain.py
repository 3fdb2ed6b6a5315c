"""Whether a merchant's chain of audit events is whole: recomputed step by step, night by night.

A long chain takes minutes: the scheduler does some thousand events at a time, between sweeps, and
what it came to is kept for the page. The head is read before the events up to it, so that a chain
that grows meanwhile is not called cut off.
"""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert

from app import audit, clock
from app.audit import GENESIS, AuditEvent, AuditHead
from app.desk.figure_models import ChainCheck
from app.extensions import db

AT_ONCE = 20_000  # events of one step: a second, or less
SHORT = 50_000  # events that somebody can wait for
FACTS = ("merchant_id", "seq", "at", "actor", "action", "subject_type", "subject_id", "details")


def of(merchant_id: int) -> ChainCheck | None:
    """None: it has never been checked."""
    return db.session.get(ChainCheck, merchant_id)


def result(merchant_id: int) -> str | None:
    """What the last check that came to an end found wrong."""
    check = of(merchant_id)
    return check.wrong if check else None


def length(merchant_id: int) -> int:
    return _head(merchant_id)[0]


def begin(merchant_id: int) -> None:
    """From the first event on, whatever an earlier check was at. The caller commits."""
    fresh = {"begun_at": clock.now(), "seq": 0, "hash": GENESIS}
    made = insert(ChainCheck).values(merchant_id=merchant_id, **fresh)
    updated = made.on_conflict_do_update(index_elements=["merchant_id"], set_=fresh)
    db.session.execute(updated)
    db.session.expire_all()


def begin_all() -> None:
    for merchant_id in db.session.scalars(select(AuditHead.merchant_id)).all():
        begin(merchant_id)


def going_on() -> int | None:
    """The merchant whose check waits for its next step; None: all are done."""
    begun = select(ChainCheck.merchant_id).where(ChainCheck.begun_at.is_not(None))
    return db.session.scalar(begun.order_by(ChainCheck.begun_at, ChainCheck.merchant_id).limit(1))


def step(merchant_id: int, most: int = AT_ONCE) -> bool:
    """Checks some more events. Whether there are more to check. The caller commits."""
    check = _locked(merchant_id)
    if check is None or check.begun_at is None:
        return False
    head_seq, head_hash = _head(merchant_id)
    wrong = _follow(check, _next(check, head_seq, most))
    if wrong is None and check.seq < head_seq and _more(check):
        return True
    if wrong is None:
        wrong = _end(check, head_seq, head_hash)
    check.checked_at, check.checked_seq, check.wrong = clock.now(), check.seq, wrong
    check.begun_at = None
    return False


def check_now(merchant_id: int) -> None:
    """The whole chain, at once. For a short one."""
    begin(merchant_id)
    while step(merchant_id):
        pass


def _locked(merchant_id: int) -> ChainCheck | None:
    query = select(ChainCheck).where(ChainCheck.merchant_id == merchant_id).with_for_update()
    return db.session.scalar(query, execution_options={"populate_existing": True})


def _head(merchant_id: int) -> tuple[int, bytes]:
    query = select(AuditHead.seq, AuditHead.hash).where(AuditHead.merchant_id == merchant_id)
    row = db.session.execute(query).one_or_none()
    return (row.seq, row.hash) if row else (0, GENESIS)


def _next(check: ChainCheck, last: int, most: int) -> Select[*tuple[Any, ...]]:
    columns = [getattr(AuditEvent, name) for name in (*FACTS, "prev_hash", "hash")]
    mine = AuditEvent.merchant_id == check.merchant_id
    wanted = select(*columns).where(mine, AuditEvent.seq > check.seq, AuditEvent.seq <= last)
    return wanted.order_by(AuditEvent.seq).limit(most)


def _follow(check: ChainCheck, events: Select[*tuple[Any, ...]]) -> str | None:
    """What is wrong; else the check has come as far as the events go."""
    seq, head = check.seq, check.hash
    with db.session.execute(events.execution_options(yield_per=1_000)) as rows:
        for row in rows:
            if row.seq != seq + 1:
                return f"event {seq + 1} is missing"
            facts = {name: getattr(row, name) for name in FACTS}
            if row.prev_hash != head or row.hash != audit.chained(head, facts):
                return f"event {row.seq} was changed"
            seq, head = row.seq, row.hash
    check.seq, check.hash = seq, head
    return None


def _more(check: ChainCheck) -> bool:
    mine = (AuditEvent.merchant_id == check.merchant_id, AuditEvent.seq > check.seq)
    return db.session.scalar(select(AuditEvent.seq).where(*mine).limit(1)) is not None


def _end(check: ChainCheck, seq: int, head: bytes) -> str | None:
    if check.seq != seq:
        return f"the chain ends at {check.seq}, its head says {seq}"
    if check.hash != head:
        return f"the head does not fit event {seq}"
    mine = AuditEvent.merchant_id == check.merchant_id
    newest = db.session.scalar(select(func.max(AuditEvent.seq)).where(mine)) or 0
    now = _head(check.merchant_id)[0]  # read last: it is never behind what was committed before
    return None if newest <= now else f"the chain goes on to {newest}, its head says {now}"
