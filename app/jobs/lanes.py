"""Threads that do one step after another until nothing is due: Safaricom takes seconds to answer."""

import threading
from collections.abc import Callable

from flask import Flask

from app.logs import log


class Lanes:
    """At most `most` threads at once; each has its own application context and session."""

    def __init__(self, app: Flask, step: Callable[[], object], most: int) -> None:
        self._app, self._step, self._most = app, step, most
        self._opened = 0  # how often somebody said that there is work
        self._closing = False
        self._changed = threading.Condition()
        self._threads: set[threading.Thread] = set()

    def open(self, count: int = 1) -> None:
        with self._changed:
            self._opened += 1
            for _ in range(min(count, self._most - len(self._threads))):
                thread = threading.Thread(target=self._run, name=self._step.__name__, daemon=True)
                self._threads.add(thread)
                thread.start()

    def _run(self) -> None:
        try:
            with self._app.app_context():
                while self._more():
                    pass
        except Exception:
            log().exception("lane stopped", lane=self._step.__name__)
            raise
        finally:
            self._leave()

    def _more(self) -> bool:
        """False when nothing was due, and nobody has said since that there is."""
        seen = self._opened
        if self._closing or self._step():
            return not self._closing
        with self._changed:
            if seen != self._opened:
                return True
            self._threads.discard(threading.current_thread())
            return False

    def _leave(self) -> None:
        with self._changed:
            self._threads.discard(threading.current_thread())
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether all lanes have run out of work in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads, seconds)

    def close(self, seconds: float) -> bool:
        """Finishes what was begun, begins nothing more."""
        self._closing = True
        return self.wait(seconds)
