"""Many rows in one statement whose text never changes: columns as arrays, unnested by PostgreSQL.

With a row for each VALUES, SQLAlchemy writes and PostgreSQL plans a new statement for each number of
rows: for 100 of them that takes longer than everything else.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Protocol

from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Executable, Label, bindparam, func, select
from sqlalchemy import insert as sqlalchemys_insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.extensions import Model

Rows = Sequence[dict[str, Any]]


class Connection(Protocol):
    """SQLAlchemy's, or a direct.Transaction."""

    def exec_driver_sql(self, sql: str, values: Any, /) -> Any: ...


def insert(connection: Connection, model: type[Model], rows: Rows) -> None:
    """The rows in their order; all have the first one's columns."""
    connection.exec_driver_sql(_insert(model, tuple(rows[0])), columns(rows))


@cache
def _insert(model: type[Model], names: tuple[str, ...]) -> str:
    each = select(*unnested(model, names))
    return text(sqlalchemys_insert(model).from_select(names, each, include_defaults=False))


def execute(connection: Connection, statement: Callable[[], Executable], rows: Rows) -> Any:
    return connection.exec_driver_sql(_text(statement), columns(rows))


@cache
def _text(statement: Callable[[], Executable]) -> str:
    return text(statement())


def text(statement: Executable) -> str:
    """As psycopg takes it. SQLAlchemy would take the arrays for the values of a single row."""
    return str(statement.compile(dialect=PGDialect_psycopg()))  # type: ignore[attr-defined, no-untyped-call]


def unnested(model: type[Model], names: Sequence[str], prefix: str = "") -> Iterator[Label[Any]]:
    """Arrays of these columns' types, side by side as rows; named with the prefix as parameters."""
    for name in names:
        array = bindparam(prefix + name, type_=ARRAY(model.__table__.c[name].type))
        yield func.unnest(array).label(name)


def columns(rows: Rows, prefix: str = "") -> dict[str, list[Any]]:
    return {prefix + name: [adapted(row[name]) for row in rows] for name in rows[0]}


def adapted(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value
