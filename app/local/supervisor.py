"""Keeps the processes of one machine: starts them, watches them, stops them in order."""

import http.client
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from threading import Event
from time import monotonic
from types import FrameType
from urllib.parse import urlsplit

from app.local import processes
from app.local.processes import CannotRun, Program

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 90  # seconds: a worker finishes what it has begun with Safaricom
LONGEST_START = 60
USUAL = {"MALLOC_ARENA_MAX": "2"}  # as in deploy/: less memory (ADR 25)
QUIET = 10  # seconds between two lines of trouble from one child; its log has them all
TROUBLE = re.compile(
    rb'"level": ?"(error|critical)"|\b(ERROR|CRITICAL)\b|^[\w.]*(Error|Exception)\b'
)


@dataclass(frozen=True)
class Child:
    name: str
    argv: tuple[str, ...]
    ready_url: str | None = None  # answers 200 once the child can be used


@dataclass
class Watched:
    name: str
    process: Popen[bytes]
    log: Path
    read: int = 0  # bytes of the log that were looked at
    quiet_until: float = 0


class Supervisor:
    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self.environment = {**USUAL, **environment, "PYTHONUNBUFFERED": "1"}
        self.stopping = Event()
        self._logs = logs
        self._children: list[Watched] = []
        self._servers: list[Watched] = []

    @contextmanager
    def signals(self) -> Iterator[None]:
        """The first Ctrl-C asks everybody to stop, the second does not ask."""
        before = {number: signal.signal(number, self.signalled) for number in STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopping.is_set():
            for child in self._children:
                with suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
        self.stopping.set()

    def watch(self, name: str, process: Popen[bytes], log: Path) -> None:
        """A server, which somebody else starts and stops."""
        self._servers.append(Watched(name, process, log))

    def start(self, child: Child) -> Watched:
        log = self._logs / f"{child.name}.log"
        process = processes.start(Program(child.argv, log, self.environment))
        watched = Watched(child.name, process, log, log.stat().st_size)
        self._children.append(watched)
        return watched

    def finish(self, child: Child) -> str:
        """Runs it to its end and returns what it wrote. Raises CannotRun when it fails."""
        watched = self.start(child)
        while watched.process.poll() is None:
            if self.stopping.wait(0.02):
                return ""
        if watched.process.returncode:
            raise CannotRun(_story(watched))
        self._children.remove(watched)
        return watched.log.read_bytes()[watched.read :].decode(errors="replace")

    def wait_until_ready(self, children: list[Child], seconds: float = LONGEST_START) -> None:
        deadline = monotonic() + seconds
        waiting = [child for child in children if child.ready_url]
        while waiting and not self.stopping.wait(0.05):
            self.check()
            waiting = [child for child in waiting if not answers(str(child.ready_url))]
            if waiting and monotonic() > deadline:
                names = " and ".join(child.name for child in waiting)
                raise CannotRun(f"Not ready after {seconds:g} seconds: {names}. See {self._logs}.")

    def keep(self) -> None:
        """Until somebody asks us to stop. Raises CannotRun when a child ends before."""
        while not self.stopping.wait(0.2):
            self.check()

    def check(self) -> None:
        for child in self._children:
            _show_trouble(child)
        for watched in (*self._servers, *self._children):
            if watched.process.poll() is not None and not self.stopping.is_set():
                raise CannotRun(_story(watched))

    def stop(self) -> None:
        """The last one started is the first one stopped."""
        self.stopping.set()
        for child in reversed(self._children):
            processes.stop(child.process, signal.SIGTERM, PATIENCE)
        self._children.clear()


def answers(url: str, wait: float = 2) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=wait)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _story(watched: Watched) -> str:
    ending, words = processes.ending(watched.process), processes.last_words(watched.log)
    return f"{watched.name} {ending}, so everything stops.{words}"


def _show_trouble(watched: Watched) -> None:
    with watched.log.open("rb") as log:
        log.seek(watched.read)
        *lines, _unfinished = log.read().split(b"\n")
    watched.read += sum(len(line) + 1 for line in lines)
    trouble = [line for line in lines if TROUBLE.search(line)]
    if trouble and monotonic() > watched.quiet_until:  # what lasts is said again and again
        watched.quiet_until = monotonic() + QUIET
        print(f"{watched.name} | {trouble[0].decode(errors='replace')[:500]}", file=sys.stderr)
