"""What the server saw, for the page and for tests."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from app.clock import now

KEPT = 500


@dataclass(frozen=True)
class Entry:
    at: datetime
    what: str  # a request line, or "" when nobody asked
    result: str


class Journal:
    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def note(self, result: str, what: str = "") -> None:
        with self._lock:
            self._entries.append(Entry(now(), what, result))

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
