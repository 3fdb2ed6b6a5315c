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
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    Executable,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column, scoped_session

from app import clock, many
from app.extensions import Model, db

GENESIS = bytes(32)
PENDING = "audit.pending"
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
HEAD = ("merchant_id", "seq", "hash")
FACTS = ("merchant_id", "seq", "at", "actor", "action", "subject_type", "subject_id", "details")
EVENT = (*FACTS, "prev_hash", "hash")


class AuditEvent(Model):
    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("merchant_id", "seq"),
        Index("ix_audit_event_subject", "subject_type", "subject_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[int]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(Model):
    """The end of a merchant's chain: whoever cuts rows off the end leaves it pointing past them."""

    __tablename__ = "audit_head"

    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]


class Subject(Protocol):
    """A row of one merchant. Its id is read when the event is written, so it may still be new."""

    id: Mapped[int]
    merchant_id: Mapped[int]


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
    merchant_id = getattr(subject, "merchant_id", None)
    pending = Pending(
        merchant_id,
        subject,
        actor,
        action,
        details,
        clock.now(),
        db.session().get_nested_transaction(),
    )
    _pending(db.session).append(pending)


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
    _extend(session, {merchant_id: chains[merchant_id] for merchant_id in sorted(chains)})


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    pending = session.info.pop(PENDING, [])
    if ended.nested:
        session.info[PENDING] = [event for event in pending if event.savepoint is not ended]


def _extend(session: Session, chains: Mapping[int, list[Pending]]) -> None:
    """Each merchant's, in one order: two transactions cannot wait for each other."""
    rows, ends = [], []
    for merchant_id, seq, head in _locked_heads(session, list(chains)):
        for pending in chains[merchant_id]:
            row = _row(merchant_id, seq := seq + 1, pending)
            rows.append(row | {"prev_hash": head, "hash": (head := chained(head, row))})
        ends.append({"merchant_id": merchant_id, "seq": seq, "hash": head})
    columns = many.columns(rows) | {f"{n}_end": c for n, c in many.columns(ends).items()}
    session.connection().exec_driver_sql(_written(), columns)


def _locked_heads(session: Session, merchant_ids: list[int]) -> list[tuple[int, int, bytes]]:
    """The ends of the chains, ours until commit; the first event of a merchant makes it."""
    zeros = [{"merchant_id": m, "seq": 0, "hash": GENESIS} for m in merchant_ids]
    found = many.execute(session.connection(), _lock_heads, zeros)
    return sorted((row.merchant_id, row.seq, row.hash) for row in found)


def _lock_heads() -> Executable:
    made = upsert(AuditHead).from_select(HEAD, select(*many.unnested(AuditHead, HEAD)))
    same = {"merchant_id": made.excluded.merchant_id}
    touched = made.on_conflict_do_update(index_elements=["merchant_id"], set_=same)
    return touched.returning(AuditHead.merchant_id, AuditHead.seq, AuditHead.hash)


@cache
def _written() -> str:
    """The events and their chains' new ends, in one statement."""
    ends = select(*many.unnested(AuditHead, HEAD, "_end")).subquery()
    mine = update(AuditHead).where(AuditHead.merchant_id == ends.c.merchant_id)
    moved = mine.values(seq=ends.c.seq, hash=ends.c.hash).returning(AuditHead.merchant_id).cte()
    rows = select(*many.unnested(AuditEvent, EVENT))
    events = insert(AuditEvent).from_select(EVENT, rows, include_defaults=False)
    return many.text(events.add_cte(moved))


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
    return {name: getattr(row, name) for name in FACTS}


def heads() -> list[AuditHead]:
    """To be written where the database's owner cannot: whoever rewrites a chain changes them."""
    return list(db.session.scalars(select(AuditHead).order_by(AuditHead.merchant_id)))
