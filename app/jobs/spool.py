"""A spool for messages that came while PostgreSQL was away: sealed files on this machine.

A file appears whole (written aside, synced, renamed) and is removed only after its message is
committed; a crash in between takes it in twice, which the inbox is made for.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from flask import current_app
from sqlalchemy.exc import DataError

from app import clock, crypto
from app.daraja import Unreadable, strict_json
from app.extensions import db
from app.logs import log
from app.payments import inbox

PLACE = "spool|"
MOST_FILES = 10_000  # a database that is away must not let strangers fill the disk


def keep(hook_token: str, body: bytes, address: str | None) -> bool:
    """Whether the message is safe on the disk."""
    try:
        _write(json.dumps([hook_token, base64.b64encode(body).decode(), address]).encode())
    except OSError as error:
        log().error("spool not written", error=type(error).__name__)
        return False
    return True


def _write(message: bytes) -> None:
    directory = home()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sum(1 for _ in directory.iterdir()) >= MOST_FILES:
        raise OSError("the spool is full")
    name = f"{clock.now():%Y%m%dT%H%M%S%f}-{uuid4().hex}"
    making = directory / f"{name}.new"
    with making.open("xb") as file:
        file.write(crypto.seal(message, PLACE + name))
        file.flush()
        os.fsync(file.fileno())
    making.rename(directory / f"{name}.msg")
    sync(directory)


def sync(place: Path) -> None:
    """A file's content, or a directory's names, are on the disk when this returns."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def take_in() -> int:
    """Puts every spooled message into the inbox, oldest first. Raises when there is no database.

    Several processes of a machine may do so at once: a file that is gone was another's.
    """
    return sum(_take_in(file) for file in waiting())


def _take_in(file: Path) -> bool:
    message = _read(file)
    if message is None:
        return False
    try:
        inbox.receive(*message)
        db.session.commit()
    except DataError as error:  # it will never fit; the others behind it do
        db.session.rollback()
        _set_aside(file, error)
        return False
    file.unlink(missing_ok=True)
    return True


def waiting() -> Iterator[Path]:
    return iter(sorted(home().glob("*.msg")))


def unreadable() -> Iterator[Path]:
    """What was set aside."""
    return iter(sorted(home().glob("*.bad")))


def _read(file: Path) -> tuple[str, bytes, str | None] | None:
    """None for a file that is gone, or that nobody can open: that one is set aside."""
    try:
        return _message(strict_json(crypto.unseal(file.read_bytes(), PLACE + file.stem)))
    except FileNotFoundError:
        return None
    except (crypto.CannotOpen, Unreadable, ValueError, TypeError, OSError) as error:
        _set_aside(file, error)
        return None


def _message(value: object) -> tuple[str, bytes, str | None]:
    """Raises ValueError or TypeError for anything else."""
    if not isinstance(value, list):
        raise TypeError("not a message")
    token, body, address = value
    return str(token), base64.b64decode(body), address and str(address)


def _set_aside(file: Path, error: Exception) -> None:
    log().error("spooled message unreadable", file=file.name, error=type(error).__name__)
    with suppress(OSError):
        file.rename(file.with_suffix(".bad"))


def leftovers(age: timedelta) -> list[Path]:
    """Files that nobody could read, or that nobody finished writing, and that are older than that."""
    before = (clock.now() - age).timestamp()
    found = (file for pattern in ("*.bad", "*.new") for file in home().glob(pattern))
    return [file for file in found if file.stat().st_mtime < before]


def home() -> Path:
    return Path(current_app.instance_path) / "spool"
