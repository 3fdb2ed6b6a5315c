"""The audit log, as people search it: newest first, and never more of it than a page can wait for.

A merchant's events are numbered without a gap, in the order of their commits. So a page begins
beside a number, a date is found by halving, and a search that finds little stops after a stretch
of the log and says how far it looked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, literal_column, select, tuple_

from app.audit import AuditEvent
from app.desk import chain
from app.desk.days import DAY, midnight
from app.desk.figure_models import BY_A_PERSON, MACHINES
from app.extensions import db

SIZE = 50
STRETCH = 100_000  # events that one page looks through at most
# An event has the time of its act, and its number from the commit: so much apart at the most.
DISORDER = timedelta(minutes=10)
COLUMNS = ("seq", "at", "actor", "action", "subject_type", "subject_id", "details", "hash")

Subjects = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Sought:
    merchant_id: int
    actor: str = ""  # staff:3, or what it is: customer, safaricom, worker …
    action: str = ""  # how it begins
    subjects: Subjects | None = None  # None: whatever it is about
    since: date | None = None
    until: date | None = None  # the last day


@dataclass(frozen=True)
class Event:
    seq: int
    at: datetime
    actor: str
    action: str
    subject_type: str
    subject_id: int
    details: dict[str, Any]
    hash: bytes


@dataclass(frozen=True)
class Page:
    events: list[Event]
    older: int | None  # the next page is before this number
    looked_back_to: datetime | None = None  # the search has stopped there, and can go on


def page(sought: Sought, before: int | None = None) -> Page:
    last = _last(sought, before)
    first = _first(sought)
    by_index = sought.subjects is not None or is_person(sought.actor)
    floor = first if by_index else max(first, last - STRETCH + 1)
    events = _events(sought, floor, last, SIZE + 1)
    if len(events) > SIZE:
        return Page(events[:SIZE], older=events[SIZE - 1].seq)
    if floor > first:
        return Page(events, older=floor, looked_back_to=_time_of(sought.merchant_id, floor))
    return Page(events, older=None)


def every(sought: Sought, at_once: int = 1_000) -> Iterator[Event]:
    """All that fit, oldest first, a few at a time: no transaction waits for a slow reader."""
    first, last = _first(sought), _last(sought, None)
    while first <= last:
        top = min(last, first + at_once - 1)
        found = _events(sought, first, top, at_once)
        db.session.rollback()
        yield from reversed(found)
        first = top + 1


def _events(sought: Sought, first: int, last: int, most: int) -> list[Event]:
    return [Event(*row) for row in db.session.execute(query(sought, first, last, most))]


def query(sought: Sought, first: int, last: int, most: int) -> Select[*tuple[Any, ...]]:
    """Newest first, of the numbers from first to last."""
    columns = [getattr(AuditEvent, name) for name in COLUMNS]
    conditions = [*_conditions(sought), AuditEvent.seq.between(first, last)]
    return select(*columns).where(*conditions).order_by(AuditEvent.seq.desc()).limit(most)


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    return [AuditEvent.merchant_id == sought.merchant_id, *_by(sought), *_at(sought)]


def _by(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.actor:
        yield AuditEvent.actor == sought.actor
    if is_person(sought.actor):  # the index holds nobody else: said in its own words, it is used
        yield literal_column(f"({BY_A_PERSON})", Boolean)
    if sought.action:
        yield AuditEvent.action.startswith(sought.action, autoescape=True)
    if sought.subjects is not None:
        yield _about(sought.subjects)


def _at(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.since:
        yield AuditEvent.at >= midnight(sought.since)
    if sought.until:
        yield AuditEvent.at < midnight(sought.until + DAY)


def _about(subjects: Subjects) -> ColumnElement[bool]:
    return tuple_(AuditEvent.subject_type, AuditEvent.subject_id).in_(subjects)


def is_person(actor: str) -> bool:
    return bool(actor) and actor not in MACHINES


def _last(sought: Sought, before: int | None) -> int:
    last = chain.length(sought.merchant_id)
    if before is not None:
        last = min(last, before - 1)
    if sought.until is not None:
        last = min(last, number_at(sought.merchant_id, midnight(sought.until + DAY) + DISORDER))
    return last


def _first(sought: Sought) -> int:
    if sought.since is None:
        return 1
    return number_at(sought.merchant_id, midnight(sought.since) - DISORDER) + 1


def number_at(merchant_id: int, time: datetime) -> int:
    """How many events there were at about this time: by halving, the log is in time's order."""
    low, high = 0, chain.length(merchant_id)
    while low < high:
        middle = (low + high + 1) // 2
        at = _time_of(merchant_id, middle)
        low, high = (middle, high) if at is not None and at < time else (low, middle - 1)
    return low


def _time_of(merchant_id: int, seq: int) -> datetime | None:
    one = (AuditEvent.merchant_id == merchant_id, AuditEvent.seq == seq)
    return db.session.scalar(select(AuditEvent.at).where(*one))
