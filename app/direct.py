"""One statement, given straight to psycopg: for the doors that thousands knock at in a minute.

SQLAlchemy writes it, once; what it does for each execution costs three times what psycopg needs.
The pool is one of its own, in autocommit: a statement is its own transaction, committed when it
returns, unless it is given to `transaction`. Errors are SQLAlchemy's, as everywhere.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Executable, TypeDecorator
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.pool import PoolProxiedConnection

from app.extensions import db

ENGINE = "direct"  # among Flask-SQLAlchemy's
DIALECT = PGDialect_psycopg(dbapi=psycopg)  # type: ignore[no-untyped-call]  # it remembers each type
Row = Any  # a named tuple with the statement's columns


class Statement:
    """Of SQLAlchemy's types it knows those of our own (TypeDecorator): psycopg knows the others."""

    def __init__(self, clause: Executable) -> None:
        compiled = clause.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        self._sql = str(compiled)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._constants = {name: b.value for name, b in binds.items() if b.callable is None}
        self._computed = {name: b.callable for name, b in binds.items() if b.callable}
        self._written = _ours(binds, lambda ours: ours.bind_processor(DIALECT))
        columns = dict(enumerate(clause.exported_columns))  # type: ignore[attr-defined]
        self._read = _ours(columns, lambda ours: ours.result_processor(DIALECT, None))
        self._row = namedtuple("Row", [column.key for column in clause.exported_columns])  # type: ignore[attr-defined, misc]  # noqa: PYI024 - its fields are known at run time

    def one(self, **values: object) -> Row | None:
        """The row; None where there is none."""
        connection = _connection()
        try:
            return self.on(connection, values)
        finally:
            connection.close()

    def on(self, connection: PoolProxiedConnection, values: dict[str, object]) -> Row | None:
        for name, made in self._written.items():
            values[name] = made(values[name])
        computed = {name: value() for name, value in self._computed.items()}
        given = {**self._constants, **computed, **values}
        found = _execute(connection, self._sql, given, psycopg.Cursor.fetchone)
        return None if found is None else self._row(*self._plain(found))

    def _plain(self, found: tuple[Any, ...]) -> Iterable[Any]:
        if not self._read:
            return found
        plain = list(found)
        for place, made in self._read.items():
            plain[place] = made(plain[place])
        return plain


class Transaction:
    """Several statements, which are committed together: see `transaction`."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self._connection = connection

    def one(self, statement: Statement, **values: object) -> Row | None:
        """As `Statement.one`."""
        return statement.on(self._connection, values)

    def exec_driver_sql(self, sql: str, values: Mapping[str, Any]) -> Iterable[Any]:
        """As SQLAlchemy's Connection has it, for `many`."""
        found: Iterable[Any] = _execute(self._connection, sql, values, _all)
        return found


def of_session(session: Session | scoped_session[Any] = db.session) -> Transaction:
    """The session's own transaction, for statements that are given straight to the driver in it."""
    return Transaction(session.connection().connection)


@contextmanager
def transaction(locks: Sequence[int] = ()) -> Iterator[Transaction]:
    """Committed where its block ends, taken back where that raises. Advisory locks come first.

    They are a statement of their own: the next one sees what others committed before they let go.
    """
    taken = ", ".join(f"pg_advisory_xact_lock({int(number)})" for number in locks)
    connection = _connection()
    try:
        _execute(connection, f"begin; select {taken}" if taken else "begin", None, _nothing)
        yield Transaction(connection)
        _execute(connection, "commit", None, _committed)
    finally:
        connection.close()  # the pool rolls back what was not committed


def _connection() -> PoolProxiedConnection:
    try:
        return db.engines[ENGINE].raw_connection()
    except psycopg.Error as error:  # a pool's own, which only SQLAlchemy's Connection translates
        raise _sqlalchemys("", error) from error


def _execute(
    connection: PoolProxiedConnection,
    sql: str,
    values: Mapping[str, Any] | None,
    fetched: Callable[[psycopg.Cursor[Any]], Any],
) -> Any:
    driver: psycopg.Connection[Any] = connection.driver_connection  # type: ignore[assignment]
    try:
        with driver.cursor(row_factory=tuple_row) as cursor:
            # Without values it is not worth preparing, and may be several statements.
            return fetched(cursor.execute(sql.encode(), values, prepare=None if values else False))
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise _sqlalchemys(sql, error) from error


def _all(cursor: psycopg.Cursor[Any]) -> list[Any]:
    return cursor.fetchall() if cursor.description else []


def _nothing(_cursor: psycopg.Cursor[Any]) -> None:
    return None


def _committed(cursor: psycopg.Cursor[Any]) -> None:
    """Of what has failed, and somebody went on after, COMMIT makes a ROLLBACK, and no error."""
    if cursor.statusmessage != "COMMIT":
        raise psycopg.errors.InFailedSqlTransaction("It had failed before: nothing was committed.")


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
        sql, None, error, psycopg.Error, hide_parameters=True, dialect=DIALECT
    )
