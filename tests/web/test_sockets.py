"""The server that README starts, over real sockets: slow clients, cut messages, and what is no HTTP."""

import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from app.billing.models import Plan
from app.extensions import db
from app.payments.models import Callback
from tests import factories
from tests.web import serving

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


@pytest.fixture(scope="module")
def house(pytestconfig, redis_url):
    """A database that nobody else empties under the server's feet, and a plan in it."""
    with serving.house(pytestconfig, redis_url) as app:
        yield app


@pytest.fixture(scope="module")
def server(house, tmp_path_factory):
    with serving.started(house, tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@dataclass
class Prompted:
    """A payment whose customer has the prompt: where Safaricom answers, and what was kept of it."""

    id: int
    hook: str

    def kept(self):
        db.session.rollback()
        mine = select(Callback).where(Callback.payment_id == self.id).order_by(Callback.id)
        return list(db.session.scalars(mine))


@pytest.fixture
def prompted(house):
    with house.app_context():
        once = next(factories.number)
        plan = db.session.scalars(select(Plan)).one()
        payment, hook = factories.pending(plan, f"2547123{once:05d}", f"ws_CO_{once}")
        yield Prompted(payment.id, hook)


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_do_not_stop_the_service(server, kind):
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


def chunked(body):
    half = len(body) // 2
    parts = (body[:half], body[half:], b"")
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_a_message_in_chunks_is_kept_whole_or_not_at_all(server, prompted):
    path, head = f"/hooks/v1/d/{prompted.hook}", "Transfer-Encoding: chunked\r\n"
    assert server.ask(path, "POST", head, chunked(factories.success()))[0] == 200
    assert server.ask(path, "POST", head, chunked(b"x" * 65_537))[0] == 413
    assert [one.body for one in prompted.kept()] == [factories.success()]


def test_a_message_whose_sender_went_away_is_not_kept(server, prompted):
    with server.connect() as line:
        line.sendall(
            f"POST /hooks/v1/d/{prompted.hook} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n".encode()
            + factories.success()
        )
        line.shutdown(socket.SHUT_WR)
        assert b" 200 " not in line.recv(1_000)
    assert prompted.kept() == []


def test_what_is_no_http_is_refused_and_the_next_one_is_served(server):
    for raw in NO_HTTP:
        status, answer = server.say(raw)
        assert status is None or 400 <= status < 500, raw[:80]
        assert b"Traceback" not in answer
        assert server.ask()[0] == 200


def test_no_banner_tells_what_we_run(server):
    for path in ("/", "/healthz", "/nowhere"):
        _, answer = server.ask(path)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert not re.search(rb"granian|werkzeug|python|flask|[0-9]\.[0-9]+\.[0-9]", head), head


def test_a_proxys_entry_counts_though_a_stranger_wrote_a_line_before_it(server, prompted):
    head = "X-Forwarded-For: 196.201.214.200\r\nX-Forwarded-For: 41.90.1.2\r\n"
    length = f"Content-Length: {len(factories.success())}\r\n"
    assert (
        server.ask(f"/hooks/v1/d/{prompted.hook}", "POST", head + length, factories.success())[0]
        == 200
    )
    assert [one.address for one in prompted.kept()] == [
        "127.0.0.1"
    ]  # no proxy of ours: no header counts


def test_processes_share_what_was_imported(server):
    """Had each imported it, it would have nearly all of its memory for itself."""
    for process in server.processes():
        memory = Path(f"/proc/{process}/smaps_rollup").read_text()
        own, all_of_it = (kilobytes(memory, name) for name in ("Private_Dirty", "Rss"))
        assert own < all_of_it / 2, memory
    assert len(server.processes()) == 2


def kilobytes(memory, name):
    [size] = re.findall(rf"^{name}: +([0-9]+) kB$", memory, re.MULTILINE)
    return int(size)
