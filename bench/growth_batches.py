"""What goes over many rows: the books, the figures, exports, retention; and what room all of it takes."""

import subprocess
from collections.abc import Iterator
from itertools import islice
from time import perf_counter

import meter
from hall import Hall
from stand import FLASK, INSTANCE

from app.desk import counting, export
from app.desk.filters import Filters
from app.extensions import db
from app.merchants import Merchant
from app.payments import books
from app.privacy import retention

HOT = (
    *("payment", "invoice", "subscription", "subscriber", "receipt", "allocation"),
    *("ledger_entry", "callback", "audit_event"),
)
ROOM = """select c.reltuples::bigint, pg_table_size(c.oid), pg_indexes_size(c.oid)
    from pg_class c where c.oid = %s::regclass"""
UNUSED = """select relname || '.' || indexrelname, idx_scan, pg_relation_size(indexrelid)
    from pg_stat_user_indexes where pg_relation_size(indexrelid) > 8192 * 4 order by idx_scan, 3 desc"""
EXPORTED = 20_000
ENOUGH = 400_000  # lines: memory that grows would have grown
SLOWEST = 3


def books_of(hall: Hall) -> Iterator[tuple[str, str]]:
    taken, wrong, cpu = {}, [], meter.cpu(hall.stand.pids("postgres"))
    for rule in books.RULES:
        began = perf_counter()
        found = books.violations(rule)
        taken[rule.name] = perf_counter() - began
        wrong += [f"{rule.name}: {found[:3]}"] if found else []
    slowest = sorted(taken, key=lambda name: -taken[name])[:SLOWEST]
    told = ", ".join(f"{name} {taken[name]:.1f}" for name in slowest)
    cpu = meter.cpu(hall.stand.pids("postgres")) - cpu
    yield "check-books (s)", f"{sum(taken.values()):.1f}, CPU {cpu:.1f} ({told})"
    yield "check-books: what is wrong", "; ".join(wrong) or "nothing"


def figures(_hall: Hall) -> Iterator[tuple[str, str]]:
    """All days of the largest merchant, as after `flask figures`, then one of them again."""
    began = perf_counter()
    for merchant in db.session.scalars(db.select(Merchant.id)).all():
        counting.forget(merchant)
        while counting.count(merchant):
            db.session.commit()
        db.session.commit()
    yield "flask figures, all days (s)", f"{perf_counter() - began:.1f}"


def room(hall: Hall) -> Iterator[tuple[str, str]]:
    total = 0
    for table in HOT:
        row = hall.connection.execute(ROOM, [table]).fetchone()
        rows, heap, indexes = row or (0, 0, 0)
        total += heap + indexes
        each = f"{heap / max(1, rows):.0f} + {indexes / max(1, rows):.0f}"
        yield (
            f"room, {table}: bytes a row + its indexes",
            f"{each} ({(heap + indexes) / 1e9:.2f} GB)",
        )
    payments = hall.number("select count(*) from payment")
    yield "room, bytes a payment, all of these", f"{total / payments:,.0f}"


def export_of(hall: Hall) -> Iterator[tuple[str, str]]:
    for what in ("payments", "receipts"):
        yield f"flask export {what}: rows a second, peak memory", _command(hall, what)
    began = perf_counter()
    lines = sum(1 for _ in islice(export.lines(Filters(1)), EXPORTED // export.AT_ONCE))
    rate = lines * export.AT_ONCE / (perf_counter() - began)
    yield f"a list as CSV, {EXPORTED:,} rows: rows a second", f"{rate:,.0f}"


def _command(hall: Hall, what: str) -> str:
    began, rows, peak = perf_counter(), 0, 0.0
    with (INSTANCE / "log" / "commands.log").open("ab") as log:
        argv = (*FLASK, "export", what)
        process = subprocess.Popen(  # noqa: S603 - our own command
            argv, stdout=subprocess.PIPE, stderr=log, env=hall.stand.environment
        )
        assert process.stdout is not None  # noqa: S101
        while rows < ENOUGH and (part := process.stdout.read(1 << 20)):
            rows += part.count(b"\n")
            peak = max(peak, meter.pss([process.pid]))
        process.terminate()
        process.wait()
    return f"{rows / (perf_counter() - began):,.0f}/s of {rows:,}, {peak:.0f} MB"


def retention_of(_hall: Hall) -> Iterator[tuple[str, str]]:
    for rule in retention.RULES:
        began, batches, rows = perf_counter(), 0, 0
        while taken := retention.batch(rule):
            db.session.commit()
            batches, rows = batches + 1, rows + taken
        db.session.commit()
        ms = (perf_counter() - began) * 1_000
        yield f"retention, {rule.name} (ms a batch)", f"{ms / (batches + 1):.1f}, {rows:,} rows"
    began = perf_counter()
    retention.unread()
    yield "retention, unread (ms)", f"{(perf_counter() - began) * 1_000:.1f}"


def indexes(hall: Hall) -> Iterator[tuple[str, str]]:
    """How often each was used since the database was made, by everything here."""
    hall.connection.execute("select pg_stat_force_next_flush()")
    for name, scans, size in hall.connection.execute(UNUSED).fetchall():
        yield f"index {name}", f"{scans:,} scans, {size / 1e6:,.0f} MB"
