"""The same rules over real sockets, where `responses` cannot pretend."""

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.daraja import Client, NoAnswer, NotSent, Timeouts, Tokens
from app.daraja.words import Accepted
from tests.daraja.safaricom import CHECKOUT, PAYBILL, PROMPT

BODY = f'{{"ResponseCode":"0","CheckoutRequestID":"{CHECKOUT}"}}'.encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NOW_OR_NEVER = 1.0


def push_to(port: int) -> Accepted:
    """With a token at hand, so that the only request is the push."""
    credentials = replace(PAYBILL, base_url=f"http://127.0.0.1:{port}")
    tokens = Tokens()
    tokens.renew(credentials, lambda: ("t1", time.time() + 3599))
    return Client(credentials, tokens, Timeouts(NOW_OR_NEVER, NOW_OR_NEVER)).stk_push(PROMPT)


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and what it was sent."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                heard.append(line.recv(65536))
                answer(line)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def plain(line: socket.socket) -> None:
    line.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)


def chunked(line: socket.socket) -> None:
    line.sendall(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
    )


def zipped(line: socket.socket) -> None:
    body = gzip.compress(BODY)
    line.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize("answer", [plain, chunked, zipped])
def test_an_answer_is_read_however_it_is_wrapped(answer):
    with server(answer) as (port, heard):
        assert push_to(port).checkout_request_id == CHECKOUT
    assert len(heard) == 1


def hang_up(line: socket.socket) -> None:
    pass


def reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_nothing(line: socket.socket) -> None:
    time.sleep(2 * NOW_OR_NEVER)


def dribble(line: socket.socket) -> None:
    line.sendall(HEAD + b"Content-Length: 500\r\n\r\n")
    _go_on(line, b"x", pause=0.2)


def never_end(line: socket.socket) -> None:
    line.sendall(HEAD + b"Content-Length: 50000000\r\n\r\n")
    _go_on(line, b"x" * 65536, pause=0)


def _go_on(line: socket.socket, part: bytes, pause: float) -> None:
    try:
        for _ in range(100):
            line.sendall(part)
            time.sleep(pause)
    except OSError:  # the client has hung up, as it should
        pass


def stop_early(line: socket.socket) -> None:
    line.sendall(HEAD + b"Content-Length: 500\r\n\r\n" + BODY)


def bomb(line: socket.socket) -> None:
    body = gzip.compress(b" " * 20_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    _go_on(line, head + body, pause=1)


def gibberish(line: socket.socket) -> None:
    line.sendall(b"\x00\x01\x02\r\n\r\n")


def bad_redirect(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://[/\r\nContent-Length: 50000000\r\n\r\n")
    _go_on(line, b"x" * 65536, pause=0)


@pytest.mark.parametrize(
    "answer",
    [hang_up, reset, say_nothing, dribble, never_end, stop_early, bomb, gibberish, bad_redirect],
)
def test_a_push_that_left_and_got_no_whole_answer_is_sent_once_and_soon_given_up(answer):
    started = time.monotonic()
    with server(answer) as (port, heard):
        with pytest.raises(NoAnswer):
            push_to(port)
        assert time.monotonic() - started < 3 * NOW_OR_NEVER
    assert len(heard) == 1


def test_a_closed_port_was_sent_nothing():
    with server(plain) as (port, heard):
        pass
    with pytest.raises(NotSent):
        push_to(port)
    assert not heard


def test_an_address_that_is_none_was_sent_nothing():
    with pytest.raises(NotSent):
        Client(replace(PAYBILL, base_url="nowhere"), Tokens()).stk_push(PROMPT)
