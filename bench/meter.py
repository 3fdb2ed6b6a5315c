"""What processes cost, read from /proc: CPU seconds of a tree, and its memory (PSS)."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PARENT = 1  # places in /proc/<pid>/stat, behind the name
USED = (11, 12, 13, 14)  # user and system; and of children that have ended: connections, for one


def cpu(pids: Iterable[int]) -> float:
    """Seconds that these processes and all their children have used so far."""
    return sum(_seconds(pid) for pid in tree(pids))


def pss(pids: Iterable[int]) -> float:
    """Megabytes; shared pages are divided among those who share them."""
    return sum(_pss(pid) for pid in tree(pids)) / 1_024


def tree(pids: Iterable[int]) -> set[int]:
    found, parents = set(pids), _parents()
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _parents() -> dict[int, int]:
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found[int(directory.name)] = int(_stat(int(directory.name))[PARENT])
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _seconds(pid: int) -> float:
    with suppress(OSError):
        stat = _stat(pid)
        return sum(int(stat[place]) for place in USED) / TICK
    return 0.0


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
