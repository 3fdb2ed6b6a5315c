"""Seal everything again under the first key of the ring, while the application runs.

A row says itself under which key it lies, so there is nothing to remember between batches: whoever
stops in the middle, or is killed, goes on where the rows are. A batch takes only rows that nobody
else holds, never waits, and so cannot stand in anybody's way for longer than its own commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, case, func, select, update

from app import crypto
from app.billing.models import Subscriber
from app.extensions import Model, db
from app.merchants import INITIATOR_PASSWORD, SECRETS, Merchant
from app.payments.models import Callback, Payment
from app.staff import Staff

AT_ONCE = 500


@dataclass(frozen=True)
class Sealed:
    """A column of sealed values. Each is bound to its place: `what|` and the row's own name."""

    model: type[Model]
    column: str
    what: str
    name: str  # the column that tells the row from others

    @property
    def table(self) -> Table:
        return db.metadata.tables[self.model.__tablename__]

    @property
    def value(self) -> ColumnElement[bytes]:
        return self.table.c[self.column]

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column}"


# Every sealed column there is: tests/test_resealing.py compares this with the tables.
COLUMNS = (
    *(
        Sealed(Merchant, name, f"merchant.{name}", "slug")
        for name in (*SECRETS, INITIATOR_PASSWORD)
    ),
    Sealed(Staff, "totp_sealed", "staff.totp_sealed", "id"),
    Sealed(Subscriber, "phone_sealed", "subscriber.phone", "token"),
    Sealed(Payment, "phone_sealed", "payment.phone", "token"),
    Sealed(Payment, "checkout_sealed", "payment.checkout", "token"),
    Sealed(Callback, "body_sealed", "callback.body", "uid"),
)


@dataclass
class Batch:
    """What one batch came to. The caller commits."""

    changed: int = 0
    unopened: list[int] = field(default_factory=list)  # ids of rows whose value nobody can open
    last_id: int | None = None  # None: there was nothing more to take


def batch(sealed: Sealed, after: int) -> Batch:
    """The next rows behind this id that lie under another key and that nobody holds."""
    found = db.session.execute(_due(sealed, after).limit(AT_ONCE)).all()
    done = Batch(last_id=found[-1].id if found else None)
    news = []
    for row in found:
        try:
            news.append({"row_id": row.id, "value": _again(sealed, row)})
        except crypto.CannotOpen:
            done.unopened.append(row.id)
    _write(sealed, news)
    done.changed = len(news)
    return done


def _due(sealed: Sealed, after: int) -> Select[Any]:
    columns = sealed.table.c
    query = select(columns.id, columns[sealed.name].label("name"), sealed.value.label("value"))
    mine = query.where(_under_another_key(sealed), columns.id > after).order_by(columns.id)
    return mine.with_for_update(skip_locked=True, key_share=True)


def _under_another_key(sealed: Sealed) -> ColumnElement[bool]:
    header = crypto.newest_header()
    return func.substring(sealed.value, 1, len(header)) != header


def _again(sealed: Sealed, row: Row[Any]) -> bytes:
    place = f"{sealed.what}|{row.name}"
    return crypto.seal(crypto.unseal(row.value, place), place)


def _write(sealed: Sealed, news: Iterable[dict[str, object]]) -> None:
    if rows := list(news):
        statement = update(sealed.table).where(sealed.table.c.id == bindparam("row_id"))
        renewed = statement.values({sealed.column: bindparam("value")})
        db.session.connection().execute(renewed, rows)


def left(sealed: Sealed) -> int:
    """How many values lie under another key, whoever holds their rows."""
    query = select(func.count()).select_from(sealed.table)
    return db.session.scalar(query.where(_under_another_key(sealed))) or 0


def keys(sealed: Sealed) -> dict[str, int]:
    """How many values lie under which key; `?` for what was never sealed."""
    kid = func.substring(sealed.value, 3, func.get_byte(sealed.value, 1))
    long_enough = func.length(sealed.value) > 1
    name = case((long_enough, func.encode(kid, "escape")), else_="?").label("kid")
    query = select(name, func.count()).where(sealed.value.is_not(None)).group_by(name)
    return {str(kid): count for kid, count in db.session.execute(query.order_by(name))}
