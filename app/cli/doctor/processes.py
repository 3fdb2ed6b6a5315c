"""Does somebody sweep, and does nothing lie about on this machine?"""

import os
from collections.abc import Callable
from pathlib import Path

from app.checkup import BAD, OK, Check
from app.jobs import scheduler, spool


def checks() -> list[Check]:
    return [leader(), *(check() for check in HERE)]


def leader() -> Check:
    name = "Scheduler"
    if not scheduler.is_led():
        says = "None runs: payments are asked about by nobody, and lost rings stay lost."
        return Check(name, BAD, says, "Start flask scheduler; any number may run, one acts.")
    return Check(name, OK, "One runs, and holds the lock.")


def waiting() -> Check:
    name, count = "Spool", sum(1 for _ in spool.waiting())
    if count:
        says = f"{count} messages of M-PESA lie on this machine, not in the database."
        return Check(name, BAD, says, "Run flask sweep here, or the scheduler.")
    return Check(name, OK, "Empty on this machine.")


def unreadable() -> Check:
    name, files = "Spool, unreadable", [file.name for file in spool.unreadable()]
    if files:
        says = f"{len(files)} messages cannot be opened, {files[0]} for one."
        return Check(
            name, BAD, says, "Put the key back that was first in ENCRYPTION_KEYS that day."
        )
    return Check(name, OK, "None.")


def writable() -> Check:
    """A read-only place is found out on the day when PostgreSQL is away."""
    name, place = "Place for the spool", _first_there(spool.home())
    if not os.access(place, os.W_OK | os.X_OK):
        says = f"{place} cannot be written: messages that come while PostgreSQL is away are lost."
        return Check(name, BAD, says, "Give it to the user that runs Malipo.")
    return Check(name, OK, "Messages can be kept here while PostgreSQL is away.")


def _first_there(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if path.exists())


HERE: tuple[Callable[[], Check], ...] = (waiting, unreadable, writable)
