"""The server that README starts, as a process, and what can be said to it over a socket."""

import re
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flask_migrate import upgrade

import config
from app import create_app
from tests import factories, servers
from tests.conftest import environment, let_go
from tests.running import bare_environment, free_port

ROOT = Path(config.__file__).parent
CROWD = 48  # slow clients at once: fewer than the threads of a process, which may get all of them


@dataclass
class Server:
    port: int
    pid: int

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, path="/healthz", method="GET", head="", body=b""):
        """The status and the whole answer."""
        start = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{head}\r\n"
        return self.say(start.encode() + body)

    def say(self, raw, patience=10):
        """As `ask`; None where nothing came within so many seconds: it still waits for the rest."""
        answer = b""
        with self.connect() as line, suppress(OSError):
            line.settimeout(patience)
            line.sendall(raw)
            while more := line.recv(65_536):
                answer += more
        found = re.match(rb"HTTP/1.[01] ([0-9]{3}) ", answer)
        return int(found.group(1)) if found else None, answer

    def processes(self):
        """Those that serve: their numbers."""
        return Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()

    @contextmanager
    def crowd(self, beginning):
        with ExitStack() as stack:
            for _ in range(CROWD):
                stack.enter_context(self.connect()).sendall(beginning.encode())
            yield


def command():
    """As README has it."""
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    return shlex.split(re.search(r"^python serve\.py (.*)$", text, re.MULTILINE).group(1))


@contextmanager
def house(pytestconfig, redis_url):
    """The application on a database that no test empties under the server's feet, with one plan in it."""
    name = f"malipo_served_{servers.worker(pytestconfig)}"
    url = servers.create_database(servers.urls(pytestconfig).database, name)
    app = create_app(config.read(environment(url, redis_url)), migrations=True)
    with app.app_context():
        upgrade()
        factories.plan()
    yield app
    with app.app_context():
        let_go()


@contextmanager
def started(app, log):
    """Nothing that it was sent may have made it print a traceback."""
    port = free_port()
    known = app.extensions["malipo.settings"]
    urls = (known.database_url, known.redis_url)
    given = environment(*urls, PUBLIC_BASE_URL=f"http://127.0.0.1:{port}")
    program = [sys.executable, "serve.py", "--port", str(port), *command()]
    with log.open("wb") as out:
        process = subprocess.Popen(
            program, cwd=ROOT, env=bare_environment(**given), stdout=out, stderr=out
        )
    running = Server(port, process.pid)
    try:
        wait_for(running, process, log)
        yield running
    finally:
        process.terminate()
        process.wait(30)
    said = log.read_text()
    assert "Traceback" not in said, said[-3000:]


def wait_for(running, process, log):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if running.ask("/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())
