"""`make run` on a fresh copy, and a real browser. Without Chromium the tests that want one are skipped."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
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
PHONE = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 800}}
READY_SECONDS = 90
RUNNING = pytest.StashKey[Browser]()


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

    def exported(self, what, **matching):
        rows = [json.loads(line) for line in self.flask("export", what).splitlines()]
        return [row for row in rows if matching.items() <= row.items()]

    def safaricom(self, door, **said):
        """Pulls one of the simulator's strings (app/simulator/control.py)."""
        request = Request(f"{self.phone}/control/{door}", json.dumps(said).encode())  # noqa: S310
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            assert answer.status == 204


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bare_environment(**more):
    """No settings at all, as on a new machine."""
    kept = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


@pytest.fixture(scope="session")
def settings_of_malipo():
    """More of the environment; a directory of tests may have its own."""
    return {"SWEEP_SECONDS": "2"}


@pytest.fixture(scope="session")
def malipo(browser, root, settings_of_malipo):
    shop, phone = free_port(), free_port()
    environment = bare_environment(PORT=str(shop), SIMULATOR_PORT=str(phone), **settings_of_malipo)
    running = Malipo(root, environment, f"http://127.0.0.1:{shop}", f"http://127.0.0.1:{phone}")
    process, said = start(running)
    yield running
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, "".join(said)
    process.stdout.close()


@pytest.fixture(scope="session")
def root():
    """A copy of what runs. Not in pytest's own place, which each new pytest closes to all but its user."""
    root = Path(tempfile.mkdtemp(prefix="malipo-clone-"))
    root.chmod(0o755)  # where root tests, PostgreSQL is somebody else
    copy(root)
    yield root
    shutil.rmtree(root, ignore_errors=True)


PARTS = ("app", "migrations", "config.py", "menu.py", "serve.py", "wsgi.py")  # all that runs


def copy(root):
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root)


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
    said = deque(maxlen=200)
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
    return process, said


@pytest.fixture(scope="session")
def browser(pytestconfig):
    """One, also where several directories have this fixture: Playwright starts once in a process."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    if RUNNING in pytestconfig.stash:
        yield pytestconfig.stash[RUNNING]
        return
    with sync_playwright() as playwright:
        running = pytestconfig.stash[RUNNING] = launched(playwright)
        yield running
        running.close()


def launched(playwright):
    """With the letters of Android, where they are installed."""
    letters = {"FONTCONFIG_FILE": str(ROOT / "tests/fonts.conf")}
    return playwright.chromium.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, env={**os.environ, **letters}
    )


# Said aloud, so that whoever listens to the console hears it; the rest of CSP's words are errors already.
TELL_VIOLATIONS = """addEventListener('securitypolicyviolation', function (e) {
  console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber);
});"""
# The browser about answers that are looked at below; htmx about a request that a newer one overtakes.
NOISE = ("Failed to load resource", "htmx:afterRequest", "htmx:sendAbort")
DATA = ("document", "xhr", "fetch")  # their statuses are answers; anything else must be there


def listen(context):
    """What pages of this context complain about, and what they ask for, from now on."""
    complaints, asked = [], []

    def said(message):
        if message.type == "error" and not message.text.startswith(NOISE):
            complaints.append(message.text)

    def answered(response):
        if response.status >= 400 and response.request.resource_type not in DATA:
            complaints.append(f"{response.status} {response.url}")

    context.add_init_script(TELL_VIOLATIONS)
    context.on("console", said)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("response", answered)
    context.on("request", lambda request: asked.append(_brief(request)))
    return complaints, asked


def _brief(request):
    return request.method, urlsplit(request.url).path


@pytest.fixture
def visitor(browser, malipo):
    """A phone's browser that has never been here; complaints of its console fail the test."""
    context = browser.new_context(base_url=malipo.shop, timezone_id="Africa/Nairobi", **PHONE)
    complaints, _ = listen(context)
    yield context
    context.close()
    assert complaints == []
