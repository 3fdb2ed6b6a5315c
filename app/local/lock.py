"""One owner at a time: a lock on a file, which the kernel opens again when its holder is gone."""

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep

from app.local.processes import CannotRun


class Taken(CannotRun):
    pass


class Lock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self, seconds: float = 0) -> None:
        """Raises Taken when somebody else holds it for longer than we can wait."""
        file = self._open()
        deadline = monotonic() + seconds
        while not _locked(file, fcntl.LOCK_EX):
            if monotonic() >= deadline:
                os.close(file)
                raise Taken(
                    f"Another command of Malipo holds {self._path}: wait until it has ended, or stop it."
                )
            sleep(0.02)
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def is_held(self) -> bool:
        """By anybody, in whatever process."""
        file = self._open()
        try:
            return not _locked(file, fcntl.LOCK_SH)
        finally:
            os.close(file)

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as error:
            raise CannotRun(
                f"{error.filename} belongs to another user: run Malipo as that user."
            ) from error


def _locked(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
