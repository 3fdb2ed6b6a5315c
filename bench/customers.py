"""What customers do: wait in front of the payment page, and pay."""

import html
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from urllib.parse import urlencode

import load
from hall import AS_BROWSER, Hall
from people import MERCHANTS, Waiting
from report import Row, at_least

from app import clock
from app.web import cadence, phases, standing

ASKS = re.compile(rb'hx-get="([^"]+)"')
CADENCE = re.compile(rb'data-poll="([0-9.]+)"')
TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')
PLAIN = {**AS_BROWSER, "Accept_Encoding": "identity", "HX_Request": "true"}
COOKIE = re.compile(rb"set-cookie: ([^;]+)", re.IGNORECASE)
LOOKERS = 200
AGE = timedelta(seconds=62)  # the page shows one thing from 60 to 120 s
FORM = "application/x-www-form-urlencoded"


def polls(hall: Hall) -> list[Row]:
    """Nothing has changed, 204; and the same asked by somebody who has an old version, 200."""
    people = hall.town.waiting(LOOKERS, AGE)
    cookies = {person.token: hall.cookie(person.token) for person in people}
    same, old = [], []
    for person in people:
        headers = {**AS_BROWSER, "HX_Request": "true", "Cookie": cookies[person.token]}
        same.append(load.get(asked_by_page(hall, person, cookies[person.token]), **headers))
        old.append(load.get(f"/pay/{person.token}/status?v=0000000000&lang=en", **headers))
    floor, unchanged, fragment = [], [], []
    for _ in range(hall.rounds):
        hall.connection.execute(
            "update payment set accepted_at = now() - interval '62 s' where token = any(%s)",
            [[person.token for person in people]],
        )
        floor.append(hall.poll_floor())
        unchanged.append(hall.eager("web", cycle(same)))
        fragment.append(hall.eager("web", cycle(old)))
    unit = "× poll floor"
    return [
        at_least("status poll, nothing changed (204)", unchanged, floor, 1.0, unit),
        at_least("status poll, the fragment (gzip)", fragment, floor, 0.75, unit),
        Row("the poll floor itself", 1.0, unit, "", ok=True, samples=tuple(floor)),
    ]


def asked_by_page(hall: Hall, person: Waiting, cookie: str) -> str:
    """The address that the page of this payment polls."""
    body = one(hall, load.get(f"/pay/{person.token}/status?v=", **PLAIN, Cookie=cookie))
    return address_in(body)


def address_in(fragment: bytes) -> str:
    found = ASKS.search(fragment)
    if found is None:
        raise SystemExit(f"Nothing is polled in {fragment[:300]!r}")
    return html.unescape(found[1].decode())


class Once:
    def __init__(self, asked: bytes) -> None:
        self.asked, self.head, self.body = asked, b"", b""

    def request(self) -> bytes:
        return self.asked

    def answered(self, _status: int, head: bytes, body: bytes) -> None:
        self.head, self.body = head, body


def one(hall: Hall, asked: bytes) -> bytes:
    once = Once(asked)
    load.Crowd(hall.stand.address("web")).run([once], 10)
    return once.body


class Watcher:
    """A page that is open: it asks when its own fragment says so, with the version that it shows."""

    def __init__(self, person: Waiting, cookie: str, version: str, cadence: float) -> None:
        self._headers = {**PLAIN, "Cookie": cookie}
        self._next = load.get(f"/pay/{person.token}/status?v={version}&lang=en", **self._headers)
        self._cadence = cadence

    def request(self) -> bytes:
        return self._next

    def answered(self, status: int, _head: bytes, body: bytes) -> float:
        if status == 200:  # noqa: PLR2004
            cadence = CADENCE.search(body)
            assert cadence is not None  # noqa: S101
            self._cadence = float(cadence[1])
            self._next = load.get(address_in(body), **self._headers)
        return self._cadence


SENT_IN = 80.0  # seconds that a worker needs to send 5,000 prompts
# Seconds after the prompt at which a page changes.
CHANGES = (0, phases.PROMPT_SECONDS, phases.LIKELY_SECONDS, phases.PIN_SECONDS)
WARM = 10.0  # seconds in which their browsers connect


def crowd(hall: Hall, many: int = 5_000, seconds: float = 60) -> list[Row]:
    """All have their prompt, the last one just now, and a page that asks as it was told when it changed last."""
    watchers = _rush(hall, many)
    address = hall.stand.address("web")
    errors: dict[int, int] = {}
    kept = load.Result()

    def act() -> load.Result:
        nonlocal kept
        kept = load.Crowd(address).run(watchers, seconds, spread=WARM, warm=WARM)
        errors.update({s: n for s, n in kept.statuses.items() if s not in (200, 204)})
        return kept

    sample = hall.observe("web", act)
    ok = sample.p99 <= 250 and not errors  # noqa: PLR2004
    answers = ", ".join(f"{n:,} × {s}" for s, n in sorted(kept.statuses.items()))
    name = f"{many:,} customers waiting, {seconds:.0f} s, p99"
    return [Row(name, sample.p99, "ms", "≤ 250 ms, no error", ok, (sample,), note=answers)]


def _rush(hall: Hall, many: int) -> list[load.Client]:
    people = hall.town.waiting(many, timedelta(0))
    last = people[-1].payment_id
    hall.connection.execute(ACCEPTED, [SENT_IN / many, last, people[0].payment_id])
    watchers: list[load.Client] = []
    for came, person in enumerate(people):
        now = standing.of(person.token)
        assert now is not None  # noqa: S101
        phase = cadence.slowed(phases.of(now, clock.now()), _told(came, many))
        watchers.append(Watcher(person, hall.cookie(person.token), phase.version, phase.poll or 0))
    random.shuffle(watchers)
    return watchers


def _told(came: int, many: int) -> int:
    """How many waited when this page changed last: it was told its cadence then."""
    age = SENT_IN * (many - came) / many
    changed = max(at for at in CHANGES if at <= age)
    return min(many, round(came + many * changed / SENT_IN))


ACCEPTED = """
    update payment set accepted_at = now() - %s * (%s - id) * interval '1 s'
    where id >= %s
"""


class Buyers:
    """Each POST is a new customer's: phone, address and attempt of their own, at one of 20 shops."""

    def __init__(self, hall: Hall) -> None:
        self._town = hall.town
        self._sessions = [self._session(hall) for _ in range(16)]

    def _session(self, hall: Hall) -> tuple[str, str]:
        once = Once(load.get("/m/bench-1/subscribe/monthly", **PLAIN))
        load.Crowd(hall.stand.address("web")).run([once], 10)
        cookie = COOKIE.search(once.head)
        token = TOKEN.search(once.body)
        if cookie is None or token is None:
            raise SystemExit(f"No form: {once.head!r}")
        return cookie[1].decode(), token[1].decode()

    def posts(self) -> Iterator[bytes]:
        while True:
            number = self._town.next_number()
            cookie, token = self._sessions[number % len(self._sessions)]
            typed = {
                "phone": f"07{10_000_000 + number:08d}",
                "attempt": f"bench-attempt-{number}",
                "csrf_token": token,
            }
            from_there = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            yield load.post(
                f"/m/bench-{number % MERCHANTS + 1}/subscribe/monthly",
                urlencode(typed).encode(),
                FORM,
                **AS_BROWSER,
                Cookie=cookie,
                X_Forwarded_For=from_there,
            )


def checkout(hall: Hall) -> list[Row]:
    """With all limits on, the numeric ones too."""
    posts = Buyers(hall).posts()
    floor, ours = [], []
    for _ in range(hall.rounds):
        floor.append(hall.write_floor())
        ours.append(hall.eager("web", posts))
        _drop_prompts(hall)
    return [at_least("checkout POST to 303, limits on", ours, floor, 0.3, "× write floor")]


def _drop_prompts(hall: Hall) -> None:
    """Nobody sends them here, and an old one would be failed by the sweep."""
    hall.connection.execute(
        "update payment set status = 'failed', reason = 'not_sent', ended_at = now()"
        " where status = 'created'"
    )
