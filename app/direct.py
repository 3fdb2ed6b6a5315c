"""One statement, given straight to psycopg: for the doors that thousands knock at in a minute.

SQLAlchemy writes it, once; what it does for each execution costs three times what psycopg needs.
The pool is one of its own, in autocommit: a statement is its own transaction, committed when it
returns. Errors are SQLAlchemy's, as everywhere.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Executable, TypeDecorator
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from app.extensions import db

ENGINE = "direct"  # among Flask-SQLAlchemy's
Row = Any  # a named tuple with the statement's columns


class Statement:
    """Of SQLAlchemy's types it knows those of our own (TypeDecorator): psycopg knows the others."""

    def __init__(self, clause: Executable) -> None:
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        compiled = clause.compile(dialect=dialect)  # type: ignore[attr-defined]
        self._sql = str(compiled)
        binds = compiled.binds
        self._constants = {name: b.value for name, b in binds.items() if b.callable is None}
        self._computed = {name: b.callable for name, b in binds.items() if b.callable}
        self._written = _ours(binds, lambda ours: ours.bind_processor(dialect))
        columns = dict(enumerate(clause.exported_columns))  # type: ignore[attr-defined]
        self._read = _ours(columns, lambda ours: ours.result_processor(dialect, None))
        self._row = namedtuple("Row", [column.key for column in clause.exported_columns])  # type: ignore[attr-defined, misc]  # noqa: PYI024 - its fields are known at run time

    def one(self, **values: object) -> Row | None:
        """The row; None where there is none."""
        for name, made in self._written.items():
            values[name] = made(values[name])
        computed = {name: value() for name, value in self._computed.items()}
        connection = self._connection()
        try:
            found = self._execute(connection, {**self._constants, **computed, **values})
        finally:
            connection.close()
        return None if found is None else self._row(*self._plain(found))

    def _connection(self) -> PoolProxiedConnection:
        try:
            return db.engines[ENGINE].raw_connection()
        except (
            psycopg.Error
        ) as error:  # a pool's own, which only SQLAlchemy's Connection translates
            raise _sqlalchemys(self._sql, error) from error

    def _plain(self, found: tuple[Any, ...]) -> Iterable[Any]:
        if not self._read:
            return found
        plain = list(found)
        for place, made in self._read.items():
            plain[place] = made(plain[place])
        return plain

    def _execute(
        self, connection: PoolProxiedConnection, values: dict[str, object]
    ) -> tuple[Any, ...] | None:
        driver: psycopg.Connection[Any] = connection.driver_connection  # type: ignore[assignment]
        try:
            with driver.cursor(row_factory=tuple_row) as cursor:
                return cursor.execute(self._sql.encode(), values).fetchone()
        except psycopg.Error as error:
            if driver.closed:
                connection.invalidate(error)
            raise _sqlalchemys(self._sql, error) from error


def _ours(
    typed: Mapping[Any, Any], processor: Callable[[TypeDecorator[Any]], Any]
) -> dict[Any, Any]:
    return {
        name: processor(one.type)
        for name, one in typed.items()
        if isinstance(one.type, TypeDecorator)
    }


def _sqlalchemys(sql: str, error: psycopg.Error) -> BaseException:
    """Without the values: they are somebody's."""
    return DBAPIError.instance(
        sql, None, error, psycopg.Error, hide_parameters=True, dialect=_dialect()
    )


@cache
def _dialect() -> PGDialect_psycopg:
    return PGDialect_psycopg(dbapi=psycopg)  # type: ignore[no-untyped-call]
