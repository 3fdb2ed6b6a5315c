"""`make run` on a fresh copy, and a real browser. Without Chromium these tests are skipped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
READY_SECONDS = 90


@dataclass
class Malipo:
    """A running installation, as `make run` leaves it."""

    root: Path
    environment: dict
    shop: str
    phone: str

    def flask(self, *words):
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bare_environment(**more):
    """No settings at all, as on a new machine."""
    kept = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


@pytest.fixture(scope="session")
def malipo(tmp_path_factory):
    root = tmp_path_factory.mktemp("clone")
    for part in ("app", "migrations", "config.py", "wsgi.py"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root)
    for directory in (root, *root.parents):  # where root tests, PostgreSQL is somebody else
        if directory.owner() == Path.home().owner() and directory.is_relative_to("/tmp"):  # noqa: S108
            directory.chmod(0o755)
    shop, phone = free_port(), free_port()
    environment = bare_environment(PORT=str(shop), SIMULATOR_PORT=str(phone), SWEEP_SECONDS="2")
    running = Malipo(root, environment, f"http://127.0.0.1:{shop}", f"http://127.0.0.1:{phone}")
    process = start(running)
    yield running
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()


def start(running):
    process = subprocess.Popen(
        [sys.executable, "-m", "app.local.run"],
        cwd=running.root,
        env=running.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    ready = threading.Event()

    def read():
        for line in process.stdout:
            said.append(line)
            if "logs" in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    assert ready.wait(READY_SECONDS), "".join(said)
    assert process.poll() is None, "".join(said)
    return process


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visitor(browser, malipo):
    """A phone's browser that has never been here; complaints of its console fail the test."""
    context = browser.new_context(
        base_url=malipo.shop,
        viewport={"width": 360, "height": 640},
        is_mobile=True,
        has_touch=True,
        timezone_id="Africa/Nairobi",
    )
    complaints = []
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else 0)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    assert [text for text in complaints if "Failed to load resource" not in text] == []
