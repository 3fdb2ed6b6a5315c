"""The server that README starts, over real sockets: slow clients, cut messages, and what is no HTTP."""

import re
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

import config
from app.extensions import db
from app.payments.models import Callback
from tests import factories
from tests.conftest import environment
from tests.running import bare_environment, free_port

ROOT = Path(config.__file__).parent
CROWD = 64  # slow clients at once (perf.md B5)
HALF_A_BODY = "Host: 127.0.0.1\r\nContent-Length: 500\r\n\r\nphone=07"
SLOW = {
    "idle": "",
    "half a line": "GET /subscr",
    "half the headers": "GET /subscribe/standard HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ",
    "half a form": f"POST /subscribe/standard HTTP/1.1\r\n{HALF_A_BODY}",
    "half a message": f"POST /hooks/v1/d/{'0' * 32} HTTP/1.1\r\n{HALF_A_BODY}",
    "half a chunk": f"POST /hooks/v1/d/{'0' * 32} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    "Transfer-Encoding: chunked\r\n\r\nff\r\n{",
}
NO_HTTP = (
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
    b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
    b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
)


@dataclass
class Server:
    port: int

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, path="/healthz", method="GET", head="", body=b""):
        """The status and the whole answer."""
        start = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{head}\r\n"
        return self.say(start.encode() + body)

    def say(self, raw):
        with self.connect() as line:
            line.sendall(raw)
            answer = b"".join(iter(lambda: line.recv(65_536), b""))
        return int(answer.split(b" ", 2)[1]) if answer else None, answer

    @contextmanager
    def crowd(self, beginning):
        with ExitStack() as stack:
            for _ in range(CROWD):
                stack.enter_context(self.connect()).sendall(beginning.encode())
            yield


@pytest.fixture(scope="module")
def command():
    """As README has it."""
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    return shlex.split(re.search("^granian (.*)$", text, re.MULTILINE).group(1))


@pytest.fixture(scope="module")
def server(wired_app, command, postgres_url, redis_url, tmp_path_factory):
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
    given = environment(postgres_url, redis_url, PUBLIC_BASE_URL=f"http://127.0.0.1:{port}")
    program = [sys.executable, "-m", "granian", "--port", str(port), *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            program, cwd=ROOT, env=bare_environment(**given), stdout=out, stderr=out
        )
    running = Server(port)
    try:
        wait_for(running, process, log)
        yield running
    finally:
        process.terminate()
        process.wait(30)
    assert "Traceback" not in log.read_text()


def wait_for(running, process, log):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if running.ask("/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_do_not_stop_the_service(app, plan, server, kind):
    with server.crowd(SLOW[kind]):
        for path in ("/healthz", "/", "/subscribe/standard"):
            began = time.monotonic()
            assert server.ask(path)[0] == 200
            assert time.monotonic() - began < 5


def test_who_never_ends_the_headers_is_put_out(server):
    with server.connect() as line:
        line.settimeout(20)
        line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert b"200" not in line.recv(1_000)  # closed, or told so


def kept():
    db.session.rollback()
    return list(db.session.scalars(select(Callback).order_by(Callback.id)))


def chunked(body):
    half = len(body) // 2
    parts = (body[:half], body[half:], b"")
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_a_message_in_chunks_is_kept_whole_or_not_at_all(app, plan, server):
    _, hook = factories.pending(plan)
    path, head = f"/hooks/v1/d/{hook}", "Transfer-Encoding: chunked\r\n"
    assert server.ask(path, "POST", head, chunked(factories.success()))[0] == 200
    assert server.ask(path, "POST", head, chunked(b"x" * 65_537))[0] == 413
    assert [one.body for one in kept()] == [factories.success()]


def test_a_message_whose_sender_went_away_is_not_kept(app, plan, server):
    _, hook = factories.pending(plan)
    with server.connect() as line:
        line.sendall(
            f"POST /hooks/v1/d/{hook} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n".encode()
            + factories.success()
        )
        line.shutdown(socket.SHUT_WR)
        assert b" 200 " not in line.recv(1_000)
    assert kept() == []


def test_what_is_no_http_is_refused_and_the_next_one_is_served(app, plan, server):
    for raw in NO_HTTP:
        status, answer = server.say(raw)
        assert status is None or 400 <= status < 500, raw[:80]
        assert b"Traceback" not in answer
        assert server.ask()[0] == 200


def test_no_banner_tells_what_we_run(app, plan, server):
    for path in ("/", "/healthz", "/nowhere"):
        _, answer = server.ask(path)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert not re.search(rb"granian|werkzeug|python|flask|[0-9]\.[0-9]+\.[0-9]", head), head


def test_a_proxys_entry_counts_though_a_stranger_wrote_a_line_before_it(app, plan, server):
    head = "X-Forwarded-For: 196.201.214.200\r\nX-Forwarded-For: 41.90.1.2\r\n"
    _, hook = factories.pending(plan)
    length = f"Content-Length: {len(factories.success())}\r\n"
    assert server.ask(f"/hooks/v1/d/{hook}", "POST", head + length, factories.success())[0] == 200
    assert [one.address for one in kept()] == ["127.0.0.1"]  # no proxy of ours: no header counts
