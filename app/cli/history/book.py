"""Rows of many tables, kept until they are copied in: what refers to what is settled before."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app import audit
from app.audit import GENESIS, AuditEvent, AuditHead
from app.billing.models import Invoice, Subscriber, Subscription
from app.desk.models import Note
from app.extensions import Model, db
from app.ledger import LedgerEntry
from app.merchants import Merchant
from app.payments.alerts import Alert
from app.payments.dispute_models import Dispute, DisputeEvidence
from app.payments.models import Allocation, Callback, Payment, Receipt
from app.payments.staff_models import DailyClose, MatchProposal, Statement, StatementLine

# Each after those that it refers to.
TABLES: tuple[type[Model], ...] = (
    Subscriber,
    Subscription,
    Invoice,
    Payment,
    Callback,
    Receipt,
    Allocation,
    LedgerEntry,
    Alert,
    Note,
    Dispute,
    DisputeEvidence,
    MatchProposal,
    Statement,
    StatementLine,
    DailyClose,
)
AT_ONCE = 500  # ids

Row = dict[str, Any]


class Book:
    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._events: list[Row] = []
        self._ids = {model.__tablename__: _ids(model.__tablename__) for model in TABLES}

    def add(self, model: type[Model], **values: Any) -> Row:
        """A row, which may be changed until it is copied in. Columns left out are null."""
        row: Row = {column.name: None for column in model.__table__.columns}
        row |= {"merchant_id": self.merchant.id, "id": next(self._ids[model.__tablename__])}
        row |= values
        self._rows[model.__tablename__].append(row)
        return row

    def rows(self, model: type[Model]) -> list[Row]:
        return self._rows[model.__tablename__]

    def record(
        self, at: datetime, subject: tuple[str, Row], what: tuple[str, str], **details: Any
    ) -> None:
        """As audit.record, at any time. `what`: the action, and who did it."""
        self._events.append(
            {
                "merchant_id": self.merchant.id,
                "at": at,
                "actor": what[1],
                "action": what[0],
                "subject_type": subject[0],
                "subject_id": subject[1]["id"],
                "details": details,
            }
        )

    def copy_in(self) -> None:
        """What has come since the last time; it is not to be changed any more."""
        db.session.flush()
        for model in TABLES:
            _copy(model.__tablename__, self._rows.pop(model.__tablename__, []))

    def chain(self) -> None:
        """At the end: all events, in the order of time."""
        _copy(AuditEvent.__tablename__, self._chained())

    def _chained(self) -> list[Row]:
        """In the order of time, after what the merchant's chain has already."""
        end = _locked_head(self.merchant.id)
        chained = []
        for event in sorted(self._events, key=lambda one: one["at"]):
            row = {**event, "seq": end.seq + 1}
            links = {"prev_hash": end.hash, "hash": audit.chained(end.hash, row)}
            end.seq, end.hash = row["seq"], links["hash"]
            chained.append(row | links)
        return chained


def _ids(table: str) -> Iterator[int]:
    """Nobody else's, whatever goes on meanwhile."""
    taking = text("select nextval(pg_get_serial_sequence(:t, 'id')) from generate_series(1, :n)")
    while True:
        yield from db.session.scalars(taking, {"t": table, "n": AT_ONCE}).all()


def _locked_head(merchant_id: int) -> AuditHead:
    first = insert(AuditHead).values(merchant_id=merchant_id, seq=0, hash=GENESIS)
    db.session.execute(first.on_conflict_do_nothing())
    query = select(AuditHead).where(AuditHead.merchant_id == merchant_id).with_for_update()
    return db.session.scalars(query).one()


def _copy(table: str, rows: list[Row]) -> None:
    if not rows:
        return
    names = list(rows[0])
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    command = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), columns)
    connection = db.session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 - tells mypy
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for row in rows:
            copy.write_row([_written(row[name]) for name in names])


def _written(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value
