"""Clients over plain sockets, one thread, some 25 µs of CPU a request: it shares the machine."""

import selectors
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from time import perf_counter
from typing import Protocol

END = b"\r\n\r\n"
LENGTH = b"content-length:"
MOST = 1 << 16


class Client(Protocol):
    """Somebody with one connection. `request` is asked for when it is time to send the next one."""

    def request(self) -> bytes: ...

    def answered(self, status: int, head: bytes, body: bytes) -> float | None:
        """Seconds until the next request; None: they are done."""


@dataclass
class Result:
    seconds: float = 0
    times: list[float] = field(default_factory=list)  # seconds, one for each answer
    statuses: Counter[int] = field(default_factory=Counter)
    received: int = 0  # bytes

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000 if ordered else 0.0


class Line:
    """One keep-alive connection; when the server closes it, another one.

    As browsers do (RFC 9112 §9.3.1), quietly where nothing was asked, and once more where a question met
    the closing on its way. Its time counts from the first attempt.
    """

    def __init__(self, address: tuple[str, int], client: Client) -> None:
        self.address, self.client = address, client
        self.socket: socket.socket | None = None
        self.read = b""
        self.sent_at = 0.0
        self.asked: bytes | None = None  # and not answered yet
        self.used = False  # this connection has answered before

    def send(self, selector: selectors.BaseSelector) -> None:
        if self.asked is None:
            self.asked = self.client.request()
            self.sent_at = perf_counter()
        if self.socket is None:
            self._connect(selector)
        assert self.socket is not None  # noqa: S101
        self.socket.send(self.asked)  # a few hundred bytes: they fit

    def _connect(self, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(self.address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)  # noqa: FBT003 - its only way
        selector.register(self.socket, selectors.EVENT_READ, self)

    def receive(self) -> tuple[int, bytes, bytes] | None:
        """The whole answer; None: there is more to come. Raises ConnectionError."""
        assert self.socket is not None  # noqa: S101
        part = self.socket.recv(MOST)
        if not part:
            raise ConnectionError
        self.read += part
        end = self.read.find(END)
        if end < 0:
            return None
        head = self.read[:end]
        at = head.lower().find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        body = self.read[end + len(END) :]
        if len(body) < length:
            return None
        self.read, self.asked, self.used = b"", None, True
        return int(head[9:12]), head, body

    def close(self, selector: selectors.BaseSelector) -> None:
        if self.socket is not None:
            selector.unregister(self.socket)
            self.socket.close()
        self.socket, self.read, self.used = None, b"", False


class Crowd:
    """Runs clients until the time is up; each answer's time is kept."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Line]] = []
        self._order = count()
        self._result = Result()

    def run(
        self, clients: list[Client], seconds: float, spread: float = 0.0, warm: float = 0.0
    ) -> Result:
        """They begin within `spread` seconds. Answers that are out when time is up do not count, nor
        how long those of the first `warm` seconds took, which come in addition."""
        lines = [Line(self._address, client) for client in clients]
        began = perf_counter()
        for number, line in enumerate(lines):
            self._later(line, began + spread * number / len(lines))
        self._serve(began + warm)
        self._result.times.clear()
        began = perf_counter()
        self._serve(began + seconds)
        self._result.seconds = perf_counter() - began
        for line in lines:
            line.close(self._selector)
        return self._result

    def _serve(self, end: float) -> None:
        while (now := perf_counter()) < end and (self._timers or self._waiting()):
            self._send_due(now)
            self._receive(now, end)

    def _waiting(self) -> bool:
        return bool(self._selector.get_map())

    def _later(self, line: Line, at: float) -> None:
        heappush(self._timers, (at, next(self._order), line))

    def _send_due(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            line = heappop(self._timers)[2]
            try:
                line.send(self._selector)
            except OSError:
                self._closed(line)

    def _receive(self, now: float, end: float) -> None:
        until = min(end, self._timers[0][0]) if self._timers else end
        for key, _ in self._selector.select(max(0.0, until - now)):
            line: Line = key.data
            try:
                answer = line.receive()
            except OSError:
                self._closed(line)
                continue
            if answer is not None:
                self._note(line, *answer)

    def _note(self, line: Line, status: int, head: bytes, body: bytes) -> None:
        now = perf_counter()
        self._result.times.append(now - line.sent_at)
        self._result.statuses[status] += 1
        self._result.received += len(head) + len(body)
        delay = line.client.answered(status, head, body)
        if delay == 0:
            line.send(self._selector)
        elif delay is None:
            line.close(self._selector)
        else:
            self._later(line, now + delay)

    def _closed(self, line: Line) -> None:
        """Lost, unless the server may have ended an idle connection: who only looks asks again."""
        looks = line.asked is not None and line.asked.startswith(b"GET ")
        again = looks and line.used and not line.read
        line.close(self._selector)
        if line.asked is None:
            return
        if not again:
            self._result.statuses[0] += 1
            line.asked = None
        self._later(line, perf_counter() + (0.0 if again else 0.1))


@dataclass
class Eager:
    """Asks again as soon as it has its answer, with the next of everybody's requests."""

    requests: Iterator[bytes]

    def request(self) -> bytes:
        return next(self.requests)

    def answered(self, _status: int, _head: bytes, _body: bytes) -> float:
        return 0.0


@dataclass
class Steady:
    """One request at each of its times, whatever the answers take: rate / people a second."""

    requests: Iterator[bytes]
    gap: float
    due: float = 0.0

    def request(self) -> bytes:
        now = perf_counter()
        self.due = max(self.due or now, now - self.gap) + self.gap
        return next(self.requests)

    def answered(self, _status: int, _head: bytes, _body: bytes) -> float:
        return max(1e-6, self.due - perf_counter())


def eagerly(
    address: tuple[str, int], requests: Iterator[bytes], seconds: float, people: int = 32
) -> Result:
    return Crowd(address).run([Eager(requests) for _ in range(people)], seconds)


def steadily(
    address: tuple[str, int], requests: Iterator[bytes], seconds: float, per_second: float
) -> Result:
    people = max(1, round(per_second / 5))
    gap = people / per_second
    crowd: list[Client] = [Steady(requests, gap) for _ in range(people)]
    return Crowd(address).run(crowd, seconds, spread=gap)


def get(path: str, **headers: str) -> bytes:
    return _request("GET", path, headers, b"")


def post(path: str, body: bytes, kind: str, **headers: str) -> bytes:
    return _request(
        "POST", path, {"Content-Type": kind, "Content-Length": str(len(body)), **headers}, body
    )


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return (
        "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()
        + body
    )
