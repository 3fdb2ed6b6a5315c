"""Where measurements take place: the processes, the people, and one observed run after another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

import load
import meter
import psycopg
from flask import Flask
from people import Town, Waiting
from report import Sample
from stand import Stand

AS_BROWSER = {
    "User_Agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0 Mobile",
    "Accept": "*/*",
    "Accept_Language": "en-KE,en;q=0.9,sw;q=0.8",
    "Accept_Encoding": "gzip, deflate",
}


@dataclass
class Hall:
    stand: Stand
    app: Flask
    connection: psycopg.Connection
    town: Town
    rounds: int
    seconds: float

    def observe(self, name: str, act: Callable[[], load.Result]) -> Sample:
        """Raises SystemExit for answers that are not what they should be."""
        names = {"web": name, "worker": "worker", "postgres": "postgres"}
        before = {kind: meter.cpu(self.stand.pids(who)) for kind, who in names.items()}
        result = act()
        used = {kind: meter.cpu(self.stand.pids(who)) - before[kind] for kind, who in names.items()}
        done = sum(result.statuses.values())
        wrong = {status: n for status, n in result.statuses.items() if status not in GOOD}
        if wrong or not done:
            raise SystemExit(f"{name}: {done} answers, of these by status: {result.statuses}")
        each = {kind: seconds * 1e6 / done for kind, seconds in used.items()}
        return Sample(result.rate, result.quantile(0.5), result.quantile(0.99), **each)

    def eager(self, name: str, requests: Iterator[bytes]) -> Sample:
        address = self.stand.address(name)
        load.eagerly(address, requests, self.seconds / 4)  # warms caches and connections
        return self.observe(name, lambda: load.eagerly(address, requests, self.seconds))

    def cookie(self, *tokens: str) -> str:
        """Of the browser that started these payments."""
        signer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        held = {"mine": list(tokens), "csrf_token": "0" * 40}
        return f"{self.app.config['SESSION_COOKIE_NAME']}={signer.dumps(held)}"

    def poll_floor(self) -> Sample:
        asked = cycle([load.get(f"/poll/{i}", **AS_BROWSER) for i in range(1, 501)])
        return self.eager("floor", asked)

    def write_floor(self) -> Sample:
        """The bodies are as long as Safaricom's, and distinct."""
        body = Waiting(1, "", "", "ws_CO_26112026120000" + "0" * 19, "254710000000", 1).callback()
        bodies = (
            load.post("/write", body + str(i).encode(), "application/json") for i in range(10**9)
        )
        return self.eager("floor", bodies)

    def number(self, query: str) -> int:
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0


GOOD = (200, 204, 303)
