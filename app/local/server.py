"""What PostgreSQL and Valkey have in common: started, asked until they answer, stopped."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from signal import Signals
from subprocess import Popen
from time import monotonic, sleep

from app.local import processes
from app.local.lock import Lock
from app.local.processes import CannotRun, Owner, Program

LONGEST_START = 60  # seconds: a recovery after a power cut reads much
LONGEST_STOP = 10


class Server(ABC):
    """While a process has started it, that process alone holds the lock beside the data."""

    name: str
    program: str  # what the kernel calls it
    stop_signal: Signals

    def __init__(self, data: Path, log: Path, *, durable: bool = True) -> None:
        self.data = data.absolute()
        self.log = log
        self.durable = durable
        self.process: Popen[bytes] | None = None
        self.lock = Lock(self.data.with_name(f"{self.data.name}.lock"))
        self._starter = 0

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    @abstractmethod
    def owner(self) -> Owner | None: ...

    @abstractmethod
    def answers(self) -> bool: ...

    @abstractmethod
    def argv(self) -> tuple[str, ...]: ...

    @abstractmethod
    def prepare(self) -> None:
        """The directory of the data exists, is whole and can be reached."""

    def start(self, wait: float = 3) -> Popen[bytes]:
        """As a child of this process. Raises CannotRun, Taken if another process has it."""
        self.lock.take(wait)
        self._starter = os.getpid()
        try:
            processes.retire(self.program, self.data.resolve(), self.stop_signal)
            self.prepare()
            self.process = process = processes.start(self._program(self.argv()))
            self.become_ready()
        except BaseException:
            self.stop()
            raise
        return process

    def stop(self) -> None:
        if self._starter != os.getpid():  # not ours, or we are a fork of who started it
            return
        if self.process is not None:
            processes.stop(self.process, self.stop_signal, LONGEST_STOP)
            self.process = None
        self.lock.release()
        self._starter = 0

    def running(self) -> str | None:
        """Where another process runs it, once it answers."""
        return self.url if self.lock.is_held() and self.is_complete() else None

    def is_complete(self) -> bool:
        return self.answers()

    def _program(self, argv: tuple[str, ...]) -> Program:
        # Not our environment: PGPORT, PGDATA and the like would change what is started.
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return Program(argv, self.log, environment, self.stop_signal, self.owner)

    def become_ready(self) -> None:
        deadline = monotonic() + LONGEST_START
        while not self.answers():
            if self.process is None or self.process.poll() is not None:
                raise CannotRun(self._story("ended before it answered"))
            if monotonic() > deadline:
                raise CannotRun(self._story(f"has not answered for {LONGEST_START} seconds"))
            sleep(0.02)

    def _story(self, what: str) -> str:
        return f"{self.name} {what}.{processes.last_words(self.log)}"
