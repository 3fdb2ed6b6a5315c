"""Everything that the measurements need, started and stopped: as in production, on this machine."""

import os
import resource
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from time import perf_counter, sleep

import psycopg

from app.local import places, processes
from app.local.processes import Program
from app.local.servers import Postgres, Valkey
from app.local.settings import demo_environment
from app.local.supervisor import answers

ROOT = Path(__file__).parents[1]
INSTANCE = ROOT / "instance" / "bench"
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
# As the README says for production.
WORDS = (
    *("--interface", "wsgi", "--workers", "2", "--blocking-threads", "64"),
    *("--backlog", "16384", "--backpressure", "8192"),
    *("--http1-header-read-timeout", "10000", "--http1-buffer-size", "32768"),
    *("--host", "127.0.0.1"),
)
POSTGRES = {  # docs/scale.md has the reasons
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "max_connections": "200",
    "track_commit_timestamp": "on",  # the bench reads from it when a payment became paid
}
START_SECONDS = 60


class Tuned(Postgres):
    def argv(self) -> tuple[str, ...]:
        more = [word for pair in POSTGRES.items() for word in ("-c", "=".join(pair))]
        return (*super().argv(), *more)


class Stand:
    """`web`, `floor`, `worker`, `scheduler`, `safaricom`: processes by their names."""

    def __init__(self, name: str = "bench") -> None:
        """Of another name there may be another at the same time."""
        log = INSTANCE / "log"
        self.postgres = Tuned(INSTANCE / f"{name}-postgres", log / "postgres.log", durable=True)
        self.valkey = Valkey(INSTANCE / f"{name}-valkey", log / "valkey.log", durable=True)
        self.ports = {name: _free_port() for name in ("web", "floor", "safaricom")}
        self.running: dict[str, Popen[bytes]] = {}
        self.environment = self._environment()

    def _environment(self) -> dict[str, str]:
        web, safaricom = (f"http://127.0.0.1:{self.ports[name]}" for name in ("web", "safaricom"))
        ours = {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "PUBLIC_BASE_URL": web,
            "MPESA_BASE_URL": safaricom,
            "TRUSTED_PROXY_HOPS": "1",  # each customer comes from an address of their own
            "LOG_LEVEL": "WARNING",
            "MALLOC_ARENA_MAX": "2",  # as in deploy/
        }
        demo = demo_environment(INSTANCE, ours)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, **demo, **ours, "PYTHONPATH": str(ROOT)}

    def open(self, stack: ExitStack) -> None:
        self.raise_limits()
        for server in (self.postgres, self.valkey):
            places.remove(server.data)  # an empty database each time: figures can be compared
            server.start()
            stack.callback(server.stop)
        stack.callback(self.stop_all)
        self.migrate()

    def raise_limits(self) -> None:
        """A connection for each customer."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def migrate(self) -> None:
        if self.run("db", "upgrade").wait():
            raise SystemExit(f"The database could not be made: see {INSTANCE / 'log'}.")

    def run(self, *command: str) -> Popen[bytes]:
        log = INSTANCE / "log" / "commands.log"
        return processes.start(Program((*FLASK, *command), log, self.environment))

    def start(self, name: str, **more: str) -> float:
        """Answers after how many seconds it was ready; 0 for what cannot be asked."""
        began = perf_counter()
        log = INSTANCE / "log" / f"{name}.log"
        program = Program(self._command(name), log, {**self.environment, **more})
        self.running[name] = processes.start(program)
        while name in ("web", "floor") and not answers(self.url(name) + "/readyz"):
            if self.running[name].poll() is not None or perf_counter() > began + START_SECONDS:
                raise SystemExit(f"{name} does not start: see {log}.")
            sleep(0.005)
        return perf_counter() - began

    def start_all(self, *names: str) -> None:
        """Those that an earlier row has not left running."""
        for name in names:
            if name not in self.running:
                self.start(name)

    def _command(self, name: str) -> tuple[str, ...]:
        port = str(self.ports.get(name, ""))
        commands = {
            "web": (sys.executable, str(ROOT / "serve.py"), *WORDS, "--port", port, "wsgi:app"),
            "floor": (sys.executable, "-m", "granian", *WORDS, "--port", port, "bench.floor:app"),
            "safaricom": (sys.executable, str(ROOT / "bench/safaricom.py"), port, "1"),
        }
        return commands.get(name) or (*FLASK, name)

    def stop(self, name: str) -> None:
        processes.stop(self.running.pop(name), processes.signal.SIGTERM, 20)

    def stop_all(self) -> None:
        for name in list(self.running):
            self.stop(name)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def address(self, name: str) -> tuple[str, int]:
        return "127.0.0.1", self.ports[name]

    def pids(self, name: str) -> list[int]:
        if name == "postgres":
            return [self.postgres.process.pid] if self.postgres.process else []
        return [self.running[name].pid] if name in self.running else []

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres.url, autocommit=True)


def command_seconds(argv: tuple[str, ...], environment: Mapping[str, str]) -> float:
    began = perf_counter()
    log = INSTANCE / "log" / "commands.log"
    if processes.start(Program(argv, log, dict(environment))).wait():
        raise SystemExit(f"{' '.join(argv)} failed: see {log}.")
    return perf_counter() - began


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
