"""`make fuzz`, over real sockets: requests whose very bytes are broken, at the server of README."""

import os
import sys
from collections import Counter

import pytest

from tests.fuzz.hostile import Luck
from tests.web import serving

MANY = int(os.environ.get("MALIPO_FUZZ_SOCKETS") or 1_000)
BEGINNINGS = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nConnection: close\r\n\r\n",
    (
        b"POST /subscribe/standard HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nphone=071"
    ),
    (
        b"POST /hooks/v1/d/00000000000000000000000000000000 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    (
        b"GET /admin/login?next=%2Fadmin HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: malipo=x; lang=sw\r\n"
        b"Connection: close\r\n\r\n"
    ),
)
PIECES = (
    b"\r\n",
    b"\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b"%",
    b"\xff",
    b"0\r\n\r\n",
    b"a" * 9_000,
    b"HTTP/2.0",
)


def broken(luck):
    """A request with a few of its bytes changed, doubled, cut or put elsewhere."""
    raw = bytearray(luck.choice(BEGINNINGS))
    for _ in range(luck.randint(1, 4)):
        at = luck.randrange(len(raw))
        end = at + luck.randrange(12)
        raw[at:end] = luck.choice((*PIECES, luck.randbytes(3), bytes(raw[at:end]) * 3, b""))
    return bytes(raw)


@pytest.mark.timeout(1_800)
def test_no_bytes_make_the_server_give_way(chosen_seed, pytestconfig, redis_url, tmp_path):
    luck, seen = Luck(chosen_seed), Counter()
    with (
        serving.house(pytestconfig, redis_url) as house,
        serving.started(house, tmp_path / "log") as server,
    ):
        for _ in range(MANY):
            raw = broken(luck)
            status, answer = server.say(raw, patience=0.5)
            assert b"Traceback" not in answer
            assert status is None or status < 500, raw
            seen[status] += 1
        assert server.ask()[0] == 200
    sys.stdout.write(f"{MANY} over sockets: {dict(seen)}\n")
