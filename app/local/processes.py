"""Start a program, stop it, read what it wrote last."""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from threading import current_thread, main_thread
from time import monotonic, sleep
from typing import IO

LAUNCHER = Path(__file__).with_name("launcher.py")
LARGE = 10_000_000  # bytes of a log: then a new one is begun, and one old one is kept


class CannotRun(Exception):
    """A sentence for the person at the terminal: what is wrong and what to do."""


@dataclass(frozen=True)
class Owner:
    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    argv: tuple[str, ...]
    log: Path
    environment: dict[str, str]
    stop: signal.Signals = signal.SIGTERM
    owner: Owner | None = None  # who runs it, where that is not us


def start(program: Program) -> Popen[bytes]:
    """Its own session, so that Ctrl-C reaches only us; the launcher sees to it that it ends with us."""
    with _appended(program.log) as output:
        return Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), *_terms(program), *program.argv],
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            env=program.environment,
            start_new_session=True,
        )


def _terms(program: Program) -> tuple[str, str, str]:
    # The kernel watches the thread that started it: only the main one lives as long as we do.
    death = int(program.stop) if current_thread() is main_thread() else 0
    owner = program.owner
    return str(os.getpid()), str(death), f"{owner.uid}:{owner.gid}" if owner else ""


def _appended(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGE:
        log.replace(log.with_suffix(".old.log"))
    return open(log, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def stop(process: Popen[bytes], number: signal.Signals, seconds: float) -> None:
    """Asks, waits, then does not ask; what the process itself started ends with it."""
    if process.poll() is None:
        process.send_signal(number)
        with suppress(TimeoutExpired):
            process.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ending(process: Popen[bytes]) -> str:
    """How it ended, for a sentence."""
    code = process.returncode
    return f"was killed by signal {-code}" if code < 0 else f"stopped with exit code {code}"


def last_words(log: Path, count: int = 5) -> str:
    """The end of a log, indented, to stand behind a sentence."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 10_000))
        lines = file.read().decode(errors="replace").splitlines()
    words = [f"\n    {line}" for line in lines if line.strip()][-count:]
    return f" The end of {log}:{''.join(words)}" if words else f" {log} is empty."


def left_over(name: str, data: Path) -> list[int]:
    """Processes of this name that still serve this directory, after the one that started them was killed."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            program, *arguments = cmdline.read_text(errors="replace").split("\0")
            if Path(program).name == name and str(data) in arguments:
                found.append(int(cmdline.parent.name))
    return found


def retire(name: str, data: Path, number: signal.Signals, seconds: float = 10) -> None:
    """Stops what is left over, first by asking."""
    _signal(left_over(name, data), number)
    if not _gone(name, data, seconds):
        _signal(left_over(name, data), signal.SIGKILL)
        _gone(name, data, seconds)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _gone(name: str, data: Path, seconds: float) -> bool:
    deadline = monotonic() + seconds
    while left := left_over(name, data):
        if monotonic() > deadline:
            break
        sleep(0.02)
    return not left
