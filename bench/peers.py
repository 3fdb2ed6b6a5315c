"""`make bench-peers`: the same callbacks for us and for mainfinity-django-mpesa, on one server and PostgreSQL.

It has an environment of its own (instance/peers, from PyPI). It logs a callback, settles it and inserts
an entitlement in the request, in its synchronous mode; we keep it in the request and settle it in a worker,
which runs here as well. So the row "kept" compares answers, the row "kept and settled" all the work.
"""

import argparse
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import process_time, sleep

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

import load
import meter
import money
import peer_cases
import report
from hall import Hall
from people import Town, Waiting
from stand import INSTANCE, ROOT, Stand

import config
from app import create_app
from app.jobs import work
from app.local import processes
from app.local.processes import Program

HOME = ROOT / "instance" / "peers"
PACKAGES = (
    "mainfinity-django-mpesa==0.1.1",
    "Django==5.2.19",
    "djangorestframework==3.18.3",
    "psycopg[binary]==3.3.9",
    "granian==2.8.7",
)


class Peers(Stand):
    def __init__(self) -> None:
        super().__init__("peers")
        self.ports["peer"] = self.ports.pop("floor")

    def start_peer(self) -> psycopg.Connection:
        with self.connect() as connection:
            connection.execute("create database peer")
        log = INSTANCE / "log" / "peer.log"
        python = str(HOME / "bin" / "python")
        more = {**self.environment, "DJANGO_SETTINGS_MODULE": "bench.peer.settings"}
        tables = (python, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
        if processes.start(Program(tables, log, more)).wait():
            raise SystemExit(f"The peer's tables could not be made: see {log}.")
        self.environment = more
        self.start("peer")
        while not self._ready():
            sleep(0.1)
        return psycopg.connect(self.postgres.database("peer"), autocommit=True)

    def _command(self, name: str) -> tuple[str, ...]:
        if name != "peer":
            return super()._command(name)
        start = (
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--workers",
            "2",
            "--blocking-threads",
            "2",
        )
        more = ("--backlog", "16384", "--backpressure", "8192", "--host", "127.0.0.1")
        port = ("--port", str(self.ports["peer"]))
        return (str(HOME / "bin" / "python"), *start, *more, *port, "bench.peer.wsgi:app")

    def _ready(self) -> bool:
        try:
            return bool(
                load.eagerly(self.address("peer"), _forever(load.get("/readyz")), 0.2, 1).times
            )
        except OSError:
            return False


def _forever(asked: bytes) -> Iterator[bytes]:
    while True:
        yield asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    _install()
    with ExitStack() as stack:
        stand = Peers()
        stand.open(stack)
        theirs = stack.enter_context(stand.start_peer())
        connection = stack.enter_context(stand.connect())
        app = create_app(config.read(stand.environment))
        hall = Hall(stand, app, connection, Town(connection), chosen.rounds, chosen.seconds)
        stand.start("web")
        with app.app_context():
            rows = _race(hall, theirs)
            peer_cases.show(hall, theirs)
    report.write(rows, {"peer": PACKAGES}, INSTANCE / "peers.json")


def _install() -> None:
    if not (HOME / "bin" / "granian").exists():
        print("Installing the peer …", flush=True)
        venv.create(HOME, clear=True, with_pip=True)
        quiet = ("-m", "pip", "install", "-qq", "--disable-pip-version-check")
        subprocess.run([str(HOME / "bin" / "python"), *quiet, *PACKAGES], check=True)  # noqa: S603


def _race(hall: Hall, theirs: psycopg.Connection) -> list[report.Row]:
    ours, peers, all_ours = [], [], []
    for _ in range(hall.rounds):
        people = hall.town.waiting(round(hall.seconds * 1.25 * 4_000), money.AGE, money.SHOPS)
        peers.append(hall.eager("peer", _for_peer(theirs, people)))
        ours.append(hall.eager("web", money.posts(people)))
        all_ours.append(_settled(hall, ours[-1]))
    report.head()
    unit = "× the peer"
    rows = [
        report.at_least("callback kept, and answered", ours, peers, 3.0, unit),
        report.at_least("kept and settled, by CPU", all_ours, _by_cpu(peers), 1.0, unit),
        report.Row("the peer itself", 1.0, unit, "", ok=True, samples=tuple(peers)),
    ]
    for row in rows:
        report.show(row)
    return rows


def _for_peer(theirs: psycopg.Connection, people: list[Waiting]) -> Iterator[bytes]:
    with theirs.cursor() as cursor:
        cursor.executemany(
            peer_cases.PENDING, [(person.checkout, person.phone) for person in people]
        )
    theirs.execute("analyze")
    for person in people:
        yield load.post("/mpesa/stk/callback/", person.callback(), "application/json")


def _settled(hall: Hall, kept: report.Sample) -> report.Sample:
    """With what settling the same messages costs, in this process, as a rate of one busy core."""
    waiting = hall.number("select count(*) from callback where settled_at is null")
    before = process_time() + meter.cpu(hall.stand.pids("postgres"))
    work.settle_inbox()
    spent = process_time() + meter.cpu(hall.stand.pids("postgres")) - before
    each = spent * 1e6 / max(1, waiting)
    total = kept.web + kept.postgres + each
    return report.Sample(1e6 / total, web=kept.web, worker=each, postgres=kept.postgres)


def _by_cpu(samples: list[report.Sample]) -> list[report.Sample]:
    return [report.Sample(1e6 / (sample.web + sample.postgres)) for sample in samples]


if __name__ == "__main__":
    main()
