import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from types import SimpleNamespace

import pytest

from app.local import launcher


@pytest.fixture
def calls(monkeypatch):
    """What the launcher asks of the system, which would otherwise do it to us."""
    made = []
    for name in ("setgroups", "setgid", "setuid", "execv"):
        monkeypatch.setattr(os, name, lambda *args, name=name: made.append((name, *args)))
    libc = SimpleNamespace(prctl=lambda *args: made.append(("prctl", *args)))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: libc)
    return made


def test_it_becomes_the_other_user_before_it_asks_to_die_with_its_parent(calls):
    launcher.become(str(os.getppid()), "15", "7:8", "/bin/true", "x")
    assert [call[0] for call in calls] == ["setgroups", "setgid", "setuid", "prctl", "execv"]
    assert calls[2:] == [
        ("setuid", 7),
        ("prctl", 1, 15, 0, 0, 0),
        ("execv", "/bin/true", ("/bin/true", "x")),
    ]


def test_it_stays_who_it_is(calls):
    launcher.become(str(os.getppid()), "15", "", "/bin/true")
    assert [call[0] for call in calls] == ["prctl", "execv"]


def test_it_does_not_outlive_a_parent_that_is_gone(calls):
    with pytest.raises(SystemExit, match="is gone"):
        launcher.become("1000000000", "15", "", "/bin/true")


def test_what_we_start_ends_when_we_are_killed(tmp_path):
    script = f"""
import time
from pathlib import Path
from app.local.processes import Program, start
print(start(Program(("/bin/sleep", "100"), Path({str(tmp_path)!r}) / "log", {{}})).pid, flush=True)
time.sleep(100)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with parent:
        child = int(parent.stdout.readline())
        wait_for(lambda: name_of(child) == "sleep")
        parent.send_signal(signal.SIGKILL)
    wait_for(lambda: name_of(child) is None)


def name_of(pid):
    try:
        # Empty: ended, but nobody has asked yet.
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0].rpartition("/")[2] or None
    except FileNotFoundError:
        return None


def wait_for(what):
    for _ in range(500):
        if what():
            return
        sleep(0.02)
    raise AssertionError("in vain")
