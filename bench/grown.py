"""A database of its own size, filled once and kept: instance/bench/grown-1000000."""

from contextlib import ExitStack

import grow
import psycopg
from stand import Stand, Tuned

from app.local import places

# Nothing of the filling has to survive a crash: it would begin again.
FILLING = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class Filling(Tuned):
    def argv(self) -> tuple[str, ...]:
        more = [word for pair in FILLING.items() for word in ("-c", "=".join(pair))]
        return (*super().argv(), *more)


class Grown(Stand):
    def __init__(self, payments: int) -> None:
        super().__init__(f"grown-{payments}")
        self.payments = payments
        self.filling = Filling(self.postgres.data, self.postgres.log, durable=True)

    def open(self, stack: ExitStack) -> None:
        self.raise_limits()
        self._fill()
        for server in (self.postgres, self.valkey):
            server.start()
            stack.callback(server.stop)
        stack.callback(self.stop_all)
        self.migrate()

    def _fill(self) -> None:
        self.filling.start()
        try:
            if not self._is_filled():
                self.migrate()
                with psycopg.connect(self.postgres.url) as connection:
                    grow.fill(connection, self.payments)
        finally:
            self.filling.stop()

    def _is_filled(self) -> bool:
        with self.connect() as connection:
            there = connection.execute("select to_regclass('payment') is not null").fetchone()
            return bool(there and there[0]) and bool(
                connection.execute("select 1 from payment limit 1").fetchone()
            )

    def forget(self) -> None:
        places.remove(self.postgres.data)
