"""Many rows in one statement whose text never changes: columns as arrays, unnested by PostgreSQL.

`save` does for changed objects what a flush does, which sends a statement for each of them: what has
changed, of all of them, in one. The caller holds their rows, so that nobody changes them meanwhile; a
row that is not there any more raises Surprise, and the caller's transaction is taken back.

With a row for each VALUES, SQLAlchemy writes and PostgreSQL plans a new statement for each number of
rows: for 100 of them that takes longer than everything else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Protocol

from psycopg.types.json import Jsonb
from sqlalchemy import (
    ARRAY,
    Executable,
    Label,
    TypeDecorator,
    bindparam,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy import insert as sqlalchemys_insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm.attributes import set_committed_value

from app.errors import Surprise
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


def insert_new(connection: Connection, model: type[Model], rows: Rows, by: str) -> dict[Any, int]:
    """As `insert`; and the rows' ids, by a column that has each value once."""
    found = connection.exec_driver_sql(_insert_new(model, tuple(rows[0]), by), columns(rows))
    return {value: int(its_id) for value, its_id in found}


@cache
def _insert_new(model: type[Model], names: tuple[str, ...], by: str) -> str:
    its = model.__table__.c
    each = select(*unnested(model, names))
    into = sqlalchemys_insert(model).from_select(names, each, include_defaults=False)
    return text(into.returning(its[by], its.id))


def execute(connection: Connection, statement: Callable[[], Executable], rows: Rows) -> Any:
    return connection.exec_driver_sql(_text(statement), columns(rows))


@cache
def _text(statement: Callable[[], Executable]) -> str:
    return text(statement())


def save(connection: Connection, *groups: Sequence[Model]) -> None:
    """Writes what has changed of these objects, which are locked; those of a group are of one model."""
    changes = [change for group in groups if (change := Change.of(group))]
    if not changes:
        return
    singly = all(len(change.rows) == 1 for change in changes)
    given = _single if singly else columns
    places = tuple((change.model, change.names) for change in changes)
    values: dict[str, Any] = {}
    for place, change in enumerate(changes):
        values |= given(change.rows, f"w{place}_")
    [found] = connection.exec_driver_sql(_update(places, singly), values)
    for change, written in zip(changes, found, strict=True):
        change.is_written(written)


@dataclass(frozen=True)
class Change:
    model: type[Model]
    names: tuple[str, ...]  # of the columns that differ from what was read in at least one of them
    objects: tuple[Model, ...]
    rows: Rows

    @classmethod
    def of(cls, group: Sequence[Model]) -> "Change | None":
        objects = tuple(dict.fromkeys(group))
        names: set[str] = set()
        for one in objects:
            state = inspect(one)
            names |= set(state.mapper.columns.keys()) - state.unmodified
        if not names:
            return None
        ours = tuple(sorted(names))
        rows = [{name: getattr(one, name) for name in ("id", *ours)} for one in objects]
        return cls(type(objects[0]), ours, objects, rows)

    def is_written(self, written: int) -> None:
        if written != len(self.rows):
            raise Surprise(f"{self.model.__name__}: {len(self.rows)} to write, {written} written")
        for one, row in zip(self.objects, self.rows, strict=True):
            for name in self.names:
                set_committed_value(one, name, row[name])


@cache
def _update(places: tuple[tuple[type[Model], tuple[str, ...]], ...], singly: bool) -> str:  # noqa: FBT001 - a text of its own
    """All of them in one statement, which answers how many rows each has changed.

    With arrays PostgreSQL thinks of ten rows, and so never comes to keep the plan for a single one: it
    plans at each execution, which takes longer than the rest. What is single has its values as they are.
    """
    written = []
    for place, (model, names) in enumerate(places):
        prefix = f"w{place}_"
        given = _given_one(model, names, prefix) if singly else _given_many(model, names, prefix)
        its = model.__table__.c.id
        mine = update(model).where(its == given["id"]).values({n: given[n] for n in names})
        changed = mine.returning(its).cte(f"w{place}")
        written.append(select(func.count()).select_from(changed).scalar_subquery())
    return text(select(*written))


def _given_one(model: type[Model], names: Sequence[str], prefix: str) -> Mapping[str, Any]:
    its = model.__table__.c
    return {name: bindparam(prefix + name, type_=its[name].type) for name in ("id", *names)}


def _given_many(model: type[Model], names: Sequence[str], prefix: str) -> Mapping[str, Any]:
    given = select(*unnested(model, ("id", *names), prefix)).subquery()
    return {name: given.c[name] for name in ("id", *names)}


def text(statement: Executable) -> str:
    """As psycopg takes it. SQLAlchemy would take the arrays for the values of a single row."""
    return str(statement.compile(dialect=PGDialect_psycopg()))  # type: ignore[attr-defined, no-untyped-call]


def unnested(model: type[Model], names: Sequence[str], prefix: str = "") -> Iterator[Label[Any]]:
    """Arrays of these columns' types, side by side as rows; named with the prefix as parameters."""
    for name in names:
        its = model.__table__.c[name].type
        if isinstance(its, TypeDecorator):  # psycopg would write what its values look like to us
            raise TypeError(f"{model.__name__}.{name}: only SQLAlchemy can write it")
        array = bindparam(prefix + name, type_=ARRAY(its))
        yield func.unnest(array).label(name)


def _single(rows: Rows, prefix: str) -> dict[str, Any]:
    return {prefix + name: adapted(value) for name, value in rows[0].items()}


def columns(rows: Rows, prefix: str = "") -> dict[str, list[Any]]:
    return {prefix + name: [adapted(row[name]) for row in rows] for name in rows[0]}


def adapted(value: Any) -> Any:
    """A list is of one type: what was read is a text, what was set may be an enum's member."""
    if isinstance(value, Enum):
        return value.value
    return Jsonb(value) if isinstance(value, dict) else value
