"""PostgreSQL and Valkey from their wheels, as children of ours and on sockets only."""

import atexit
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGINT, SIGTERM
from time import monotonic, sleep
from urllib.parse import quote

import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.local import places, processes
from app.local.lock import Taken
from app.local.processes import CannotRun, Owner
from app.local.server import Server
from app.local.settings import demo_environment

POSTGRES = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log must not hold what the tables encrypt: no statements, no rows in error details.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # no place of a deleted row is taken again: rows come as they were written
}
VALKEY = {
    "port": "0",
    "unixsocketperm": "700",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "databases": "64",
    "set-proc-title": "no",  # so that processes.left_over knows it again
}


class Postgres(Server):
    name = "PostgreSQL"
    program = "postgres"
    stop_signal = SIGINT  # "fast": ends the sessions, writes everything, stops

    @property
    def owner(self) -> Owner | None:
        return places.owner_of(self.data)

    @property
    def url(self) -> str:
        return self.database("malipo")

    def database(self, name: str) -> str:
        where = quote(str(places.socket_directory(self.data, self.owner)))
        return f"postgresql://malipo@/{name}?host={where}&port=5432"

    def answers(self) -> bool:
        return self._lets_in("postgres")

    def is_complete(self) -> bool:
        return self._lets_in("malipo")

    def _lets_in(self, database: str) -> bool:
        try:
            psycopg.connect(self.database(database), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def argv(self) -> tuple[str, ...]:
        home = self.data.resolve()
        settings = POSTGRES | ({} if self.durable else FORGETFUL)
        options = [word for pair in settings.items() for word in ("-c", "=".join(pair))]
        sockets = places.socket_directory(self.data, self.owner)
        program = places.postgres_programs(self.owner) / "postgres"
        return (str(program), "-D", str(home), "-k", str(sockets), "-p", "5432", *options)

    def prepare(self) -> None:
        if not self.data.exists():
            self._initdb()
        elif not places.can_be_entered(self.data, self.owner):
            raise CannotRun(
                f"PostgreSQL refuses to run as root, and its user cannot reach {self.data}: "
                "move Malipo to where everybody may go, or run it as another user."
            )
        self._forget_a_strangers_pid()

    def _initdb(self) -> None:
        """Beside its place, and moved there when it is whole."""
        making = self.data.with_name(f"{self.data.name}.new")
        places.remove(making)
        places.make_room(making, self.owner)
        program = places.postgres_programs(self.owner) / "initdb"
        options = ["--username=malipo", "--encoding=UTF8", "--auth=trust", "--no-instructions"]
        options += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += [] if self.durable else ["--no-sync"]
        argv = (str(program), f"--pgdata={making.resolve()}", *options)
        process = processes.start(self._program(argv))
        if process.wait():
            raise CannotRun(self._story("could not make its directory"))
        making.rename(self.data)

    def _forget_a_strangers_pid(self) -> None:
        """After a crash the number in the file may be another program's: PostgreSQL would not start."""
        file = self.data / "postmaster.pid"
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(file.read_text().split()[0]), 0)
            file.unlink()

    def become_ready(self) -> None:
        super().become_ready()
        with psycopg.connect(self.database("postgres"), autocommit=True) as connection:
            ours = "SELECT 1 FROM pg_database WHERE datname = 'malipo'"
            if connection.execute(ours).fetchone() is None:
                connection.execute("CREATE DATABASE malipo")


class Valkey(Server):
    name = "Valkey"
    program = "valkey-server"
    stop_signal = SIGTERM
    owner = None

    @property
    def socket(self) -> Path:
        return places.socket_directory(self.data, self.owner) / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    def answers(self) -> bool:
        # One try: the client's own repeats would make an absent server slow to notice.
        client = Redis.from_url(self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    def argv(self) -> tuple[str, ...]:
        where = {"dir": str(self.data.resolve()), "unixsocket": str(self.socket)}
        settings = VALKEY | where | {"appendonly": "yes" if self.durable else "no"}
        options = [word for key, value in settings.items() for word in (f"--{key}", value)]
        return (str(places.valkey_program()), *options)

    def prepare(self) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)


def in_instance(instance: Path, *, durable: bool = True) -> tuple[Postgres, Valkey]:
    log = instance / "log"
    return (
        Postgres(instance / "postgres", log / "postgres.log", durable=durable),
        Valkey(instance / "valkey", log / "valkey.log", durable=durable),
    )


def ensure(server: Server, seconds: float = 30) -> str:
    """The URL of one that already runs, or else of our own, which ends with this process."""
    deadline = monotonic() + seconds
    while True:
        if url := server.running():
            return url
        try:
            server.start(wait=0)
        except Taken:  # by `make run`, say, which is just starting it
            if monotonic() > deadline:
                raise
            sleep(0.1)
        else:
            atexit.register(server.stop)
            return server.url


def ensure_environment(environment: Mapping[str, str], instance: Path) -> dict[str, str]:
    """For a lone command: what is not set is that of `make run`, or made for this process's life."""
    full = dict(environment)
    postgres, valkey = in_instance(instance)
    if not full.get("DATABASE_URL", "").strip():
        full |= demo_environment(instance, environment) | {"DATABASE_URL": ensure(postgres)}
    if not full.get("REDIS_URL", "").strip():
        full["REDIS_URL"] = ensure(valkey)
    return full
