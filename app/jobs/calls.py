"""Calls to Safaricom side by side, each in a thread of its own; what is written, many in one commit.

Safaricom takes a second to answer, a transaction some milliseconds: 64 threads that each claim, ask
and write down by themselves open 64 connections, and wait for each other's more than for Safaricom.
So one thread, the keeper, claims as many as may be called at once, in one commit, and writes down
the answers that have come meanwhile, in another one.

What can happen between the lines:
- crash after a claim was committed: what was claimed is not called again by anybody, as if each had
  been claimed by itself (charging.py, reconciliation.py). More than can be called at once is never claimed;
- crash between an answer and its commit: as if the answer had been lost;
- an answer cannot be written with the others, because somebody holds its row, or one of them is
  refused by the database: its own thread writes it by itself, stubbornly; the keeper waits for no row;
- the commit came through, and nobody heard that it did: each is written once more, which changes nothing;
- the keeper cannot start, or dies of something that nobody has thought of: who has heard an answer writes
  it alone, and the next ring makes another keeper;
- a ring comes while the last look finds nothing: `_rung` is put down before the look, not after it.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flask import Flask

from app.extensions import db
from app.logs import log

C = TypeVar("C")  # what was claimed
H = TypeVar("H")  # what was heard


@dataclass(frozen=True)
class Kind(Generic[C, H]):
    """None of them commits. `note` answers the places of those that it wrote."""

    name: str
    # At most so many; fewer: there are no more now.
    claim: Callable[[int], Sequence[C]]
    call: Callable[[C], H]
    note: Callable[[Sequence[tuple[C, H]]], set[int]]
    note_alone: Callable[[C, H], None]  # and this one commits, whatever it takes


@dataclass(eq=False)
class Heard(Generic[C, H]):
    claimed: C
    answer: H
    seen: threading.Event = field(default_factory=threading.Event)  # by the keeper
    written: bool = False


class Calls(Generic[C, H]):
    """At most `most` at once. Threads end when there is nothing to do."""

    def __init__(self, app: Flask, kind: Kind[C, H], most: int) -> None:
        self._app, self._kind, self._most = app, kind, most
        self._rung = self._closing = self._kept = False
        self._under_way = 0
        self._heard: list[Heard[C, H]] = []
        self._changed = threading.Condition()

    def open(self, _count: int = 1) -> None:
        """Says that there may be work."""
        with self._changed:
            self._rung = True
            self._changed.notify_all()
            if not self._kept and not self._closing:
                threading.Thread(target=self._keep, name=self._kind.name, daemon=True).start()
                self._kept = True  # not before: where it cannot start, the next ring tries again

    def _keep(self) -> None:
        with self._app.app_context():
            try:
                while self._is_wanted():
                    self._write(self._handed_in())
                    self._claim()
            except BaseException:  # noqa: BLE001 - nobody has thought of it, and everybody would wait for it
                log().exception("keeper died", kind=self._kind.name)
                self._resign()

    def _resign(self) -> None:
        """Whoever has an answer writes it alone; the next ring makes another keeper."""
        with self._changed:
            self._kept = False
            left, self._heard = self._heard, []
            self._changed.notify_all()
        for one in left:
            one.seen.set()

    def _is_wanted(self) -> bool:
        """Waits until there is something to do. False: all is done, and this thread is nobody's."""
        with self._changed:
            self._changed.wait_for(lambda: self._heard or self._free() or not self._under_way)
            self._kept = bool(self._heard or self._free() or self._under_way)
            self._changed.notify_all()
            return self._kept

    def _free(self) -> int:
        """How many more may be claimed now."""
        wanted = self._rung and not self._closing
        return self._most - self._under_way if wanted else 0

    def _handed_in(self) -> list[Heard[C, H]]:
        with self._changed:
            heard, self._heard = self._heard, []
            return heard

    def _write(self, heard: Sequence[Heard[C, H]]) -> None:
        """All in one commit. Those that it leaves are written by the threads that heard them."""
        if not heard:
            return
        try:
            written = self._kind.note([(one.claimed, one.answer) for one in heard])
            db.session.commit()
            for place in written:
                heard[place].written = True
        except Exception as error:  # noqa: BLE001 - one of them, and nobody knows which: each gets its own try
            log().warning("answers not written together", error=type(error).__name__)
            db.session.remove()
        finally:
            for one in heard:
                one.seen.set()

    def _claim(self) -> None:
        """As many as there are free threads; who finds so many looks again."""
        with self._changed:
            free = self._free()
            self._rung = self._rung and not free
        found = self._claimed(free) if free else ()
        with self._changed:
            self._under_way += len(found)
            self._rung = self._rung or (free > 0 and len(found) == free)
        for claimed in found:
            self._start(claimed)

    def _claimed(self, most: int) -> Sequence[C]:
        """Whatever goes wrong, the next ring or sweep looks again, and answers are still written."""
        try:
            found = self._kind.claim(most)
            db.session.commit()
        except Exception:  # noqa: BLE001
            log().exception("nothing claimed", kind=self._kind.name)
            db.session.remove()
            return ()
        return found

    def _start(self, claimed: C) -> None:
        thread = threading.Thread(target=self._call, args=(claimed,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads on this machine: slowly, then
            log().warning("no thread", kind=self._kind.name)
            self._call(claimed, here=True)

    def _call(self, claimed: C, *, here: bool = False) -> None:
        try:
            with self._app.app_context():
                heard = Heard(claimed, self._kind.call(claimed))
                if here or not self._kept_for(heard):
                    self._kind.note_alone(claimed, heard.answer)
        except Exception:  # noqa: BLE001 - it is as if the answer had been lost; the others go on
            log().exception("call lost", kind=self._kind.name)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _kept_for(self, heard: Heard[C, H]) -> bool:
        """Hands it to the keeper, and waits until it is written, or left."""
        with self._changed:
            if not self._kept:
                return False
            self._heard.append(heard)
            self._changed.notify_all()
        heard.seen.wait()
        return heard.written

    def wait(self, seconds: float | None = None) -> bool:
        """Whether all work has run out in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._kept and not self._under_way, seconds)

    def close(self, seconds: float) -> bool:
        """Finishes what was begun, begins nothing more."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        return self.wait(seconds)
