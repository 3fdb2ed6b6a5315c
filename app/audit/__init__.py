"""Who did what: append-only, chained by hash per merchant, without personal data.

Events are kept in the session and written as the last thing before its commit. The chain's head
row is therefore locked last, after every other lock of the transaction, and only for the time of
the commit: writers of one merchant queue there, and cannot deadlock (ADR 0004).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import event, select
from sqlalchemy.orm import Mapped, Session, SessionTransaction, scoped_session

from app import clock, direct, many
from app.audit import statements
from app.audit.models import GENESIS, AuditEvent, AuditHead
from app.extensions import db

__all__ = ["GENESIS", "AuditEvent", "AuditHead"]  # besides what is defined here

PENDING = "audit.pending"
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Subject(Protocol):
    """A row of one merchant. Its id is read when the event is written, so it may still be new."""

    id: Mapped[int]
    merchant_id: Mapped[int]


@dataclass(frozen=True)
class Written:
    """A row as a subject, where no object of the session stands for it."""

    __tablename__: str
    id: int
    merchant_id: int


@dataclass(frozen=True)
class Pending:
    merchant_id: int | None  # None: the subject is the merchant itself
    subject: Any
    actor: str
    action: str
    details: Mapping[str, Any]
    at: datetime
    savepoint: object  # what takes it back together with its row; None: the whole transaction


def record(subject: Any, action: str, *, actor: str, **details: Any) -> None:
    """Adds an event to this transaction. Details hold ids, codes and amounts, never a person."""
    savepoint = db.session().get_nested_transaction()
    _pending(db.session).append(noted(subject, action, actor, details, savepoint))


def noted(
    subject: Any, action: str, actor: str, details: Mapping[str, Any], savepoint: object = None
) -> Pending:
    merchant_id = getattr(subject, "merchant_id", None)
    return Pending(merchant_id, subject, actor, action, details, clock.now(), savepoint)


def _pending(session: Session | scoped_session[Any]) -> list[Pending]:
    found: list[Pending] = session.info.setdefault(PENDING, [])
    return found


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    if session.in_nested_transaction() or not session.info.get(PENDING):
        return
    session.flush()
    chains = defaultdict(list)
    for pending in session.info.pop(PENDING):
        chains[pending.merchant_id or pending.subject.id].append(pending)
    ordered = {merchant_id: chains[merchant_id] for merchant_id in sorted(chains)}
    extend(direct.of_session(session), ordered)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    pending = session.info.pop(PENDING, [])
    if ended.nested:
        session.info[PENDING] = [event for event in pending if event.savepoint is not ended]


def extend(connection: many.Connection, chains: Mapping[int, list[Pending]]) -> None:
    """For those who write without the session; it is theirs to do this last (ADR 0004)."""
    rows, ends = [], []
    for merchant_id, seq, head in statements.locked_heads(connection, chains):
        for pending in chains[merchant_id]:
            row = _row(merchant_id, seq := seq + 1, pending)
            rows.append(row | {"prev_hash": head, "hash": (head := chained(head, row))})
        ends.append({"merchant_id": merchant_id, "seq": seq, "hash": head})
    statements.add(connection, rows, ends)


def _row(merchant_id: int, seq: int, pending: Pending) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "seq": seq,
        "at": pending.at,
        "actor": pending.actor,
        "action": pending.action,
        "subject_type": pending.subject.__tablename__,
        "subject_id": pending.subject.id,
        "details": dict(pending.details),
    }


def chained(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the event as canonical JSON."""
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    canonical = CANONICAL.encode({**row, "at": at})
    return sha256(previous + canonical.encode()).digest()


def verify(merchant_id: int) -> list[str]:
    """What is wrong with a merchant's chain: edited, deleted, reordered or cut off. Streams it."""
    query = select(AuditEvent).where(AuditEvent.merchant_id == merchant_id)
    ordered = query.order_by(AuditEvent.seq).execution_options(yield_per=1_000)
    with db.session.scalars(ordered) as rows:
        return _first_wrong(merchant_id, rows)


def _first_wrong(merchant_id: int, rows: Iterable[AuditEvent]) -> list[str]:
    seq, head = 0, GENESIS
    for row in rows:
        seq += 1
        if row.seq != seq:
            return [f"event {seq} is missing"]
        if row.prev_hash != head or row.hash != chained(head, _facts(row)):
            return [f"event {seq} was changed"]
        head = row.hash
    return _end(merchant_id, seq, head)


def _end(merchant_id: int, seq: int, head: bytes) -> list[str]:
    kept = db.session.get(AuditHead, merchant_id)
    known = (kept.seq, kept.hash) if kept else (0, GENESIS)
    return [] if known == (seq, head) else [f"the chain ends at {seq}, its head says {known[0]}"]


def missing(merchant_id: int, noted: Mapping[int, bytes]) -> list[str]:
    """What was written down of a chain, and is not in it: its events by number, with their hashes."""
    query = select(AuditEvent.seq, AuditEvent.hash).where(AuditEvent.merchant_id == merchant_id)
    found = db.session.execute(query.where(AuditEvent.seq.in_(list(noted))))
    there = {seq: digest for seq, digest in found}  # noqa: C416 - dict() would lose their types
    gone = sorted(noted.keys() - there.keys())
    other = sorted(seq for seq, digest in there.items() if digest != noted[seq])
    wrong = [f"it was {gone[-1]} events long, and event {gone[0]} is gone"] if gone else []
    return wrong + ([f"event {other[0]} is not the one that was noted"] if other else [])


def _facts(row: AuditEvent) -> dict[str, Any]:
    return {name: getattr(row, name) for name in statements.FACTS}


def heads() -> list[AuditHead]:
    """To be written where the database's owner cannot: whoever rewrites a chain changes them."""
    return list(db.session.scalars(select(AuditHead).order_by(AuditHead.merchant_id)))
