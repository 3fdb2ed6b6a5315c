"""Fill a migrated, empty database with a believable history of twelve months, set by set.

    DATABASE_URL=postgresql://… .venv/bin/python bench/grow.py 1000000

Rows keep every money rule (past.py has them), so `flask check-books` has to read them all and finds
nothing. Three things are not real, for speed: sealed columns have their length and do not open, the
audit's hashes are not chained (`flask verify-audit` says so), and of a payment's events only those are
there that the rules read. Texts of callbacks are there for 90 days, as retention leaves them.

One transaction, without triggers, and with the indexes made last: with `wal_level=minimal` nothing of
it goes through the log.
"""

import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from time import monotonic

import past
import psycopg

EVERYTHING = tuple(table for table, _ in past.STEPS)
# What a list of payments reads.
LISTED = ("merchant", "plan", "subscriber", "subscription", "invoice", "payment", "receipt")
SMALL = ("merchant", "plan", "audit_head", "counted")  # what is there already stays
SETTINGS = (
    "session_replication_role = replica",  # no triggers, no look-ups
    "timezone = 'Africa/Nairobi'",  # periods are counted in its calendar
    "synchronize_seqscans = off",  # from the beginning: rows come in the order of time
    "work_mem = '512MB'",
    "maintenance_work_mem = '1GB'",
    "max_parallel_maintenance_workers = 2",
)
# Unique ones that no foreign key leans on. The others stay: their rows come in order.
CONSTRAINTS = """select conname, pg_get_constraintdef(oid) from pg_constraint c
    where conrelid = %s::regclass and contype = 'u'
      and not exists (select from pg_constraint f where f.contype = 'f' and f.conindid = c.conindid)"""
INDEXES = """select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index i
    where indrelid = %s::regclass
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid)"""


def main() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        fill(connection, int(sys.argv[1]))


def fill(
    connection: psycopg.Connection, payments: int, tables: Collection[str] = EVERYTHING
) -> None:
    large = [table for table in tables if table not in SMALL]
    with connection.transaction():
        for setting in SETTINGS:
            connection.execute(f"set local {setting}")
        connection.execute(f"truncate {', '.join(large)} cascade")
        with _without_indexes(connection, large):
            _tell_the_past(connection, payments // past.OF_ONE, tables)
        connection.execute(f"drop table {', '.join(past.PLOTTED)}")
    connection.autocommit = True
    _timed("vacuum", lambda: connection.execute("vacuum (analyze)").rowcount)
    connection.autocommit = False


def _tell_the_past(
    connection: psycopg.Connection, subscribers: int, tables: Collection[str]
) -> None:
    for name, sql in zip(past.PLOTTED, past.PLOT, strict=True):
        made = sql.format(subscribers=subscribers)
        _timed(name, lambda made=made: connection.execute(made).rowcount)
        connection.execute(f"analyze {name}")
    for table, sql in past.STEPS:
        if table in tables:
            _timed(table, lambda sql=sql: connection.execute(sql).rowcount)
        if table in tables and table not in ("audit_head", "counted"):
            newest = f"(select max(id) from {table})"
            connection.execute(f"select setval(pg_get_serial_sequence('{table}', 'id'), {newest})")


@contextmanager
def _without_indexes(connection: psycopg.Connection, tables: Collection[str]) -> Iterator[None]:
    again: dict[str, str] = {}
    for table in tables:
        for name, definition in connection.execute(CONSTRAINTS, [table]).fetchall():
            connection.execute(f"alter table {table} drop constraint {name}")
            again[name] = f"alter table {table} add constraint {name} {definition}"
        for name, definition in connection.execute(INDEXES, [table]).fetchall():
            connection.execute(f"drop index {name}")
            again[name] = definition
    yield
    for name, sql in again.items():
        _timed(name, lambda sql=sql: connection.execute(sql).rowcount)


def _timed(name: str, act: Callable[[], int]) -> None:
    began = monotonic()
    rows = act()
    told = f"{rows:>12,} rows" if rows >= 0 else " " * 17
    print(f"{name:34} {told} {monotonic() - began:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
