"""One page of what is listed by when it was made, the newest first. Every page costs the same."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, tuple_

from app.desk.cursor import Cursor
from app.extensions import Model, db

SIZE = 50

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    rows: list[M]
    newer: Cursor | None
    older: Cursor | None


def page(query: Select[M], model: Any, cursor: Cursor | None, size: int = SIZE) -> Page[M]:
    """Of a model with created_at and id, and an index that ends with both."""
    back = cursor is not None and cursor.newer
    rows = list(db.session.scalars(_beside(query, model, cursor).limit(size + 1)))
    is_more = len(rows) > size
    if back and not is_more:  # the newest there are: a full page of them
        return page(query, model, None, size)
    rows = rows[:size]
    if back:
        rows.reverse()
    return Page(
        rows,
        newer=_at(rows[0], newer=True) if cursor and rows else None,
        older=_at(rows[-1]) if (is_more or back) and rows else None,
    )


def _beside(query: Select[M], model: Any, cursor: Cursor | None) -> Select[M]:
    """As one comparison of rows: an index walks to it, which it cannot with an OR."""
    key = (model.created_at, model.id)
    if cursor is None:
        return query.order_by(*(column.desc() for column in key))
    here, beside = tuple_(*key), tuple_(cursor.at, cursor.id)
    fits: ColumnElement[bool] = here > beside if cursor.newer else here < beside
    order = [column.asc() if cursor.newer else column.desc() for column in key]
    return query.where(fits).order_by(*order)


def _at(row: Any, *, newer: bool = False) -> Cursor:
    return Cursor(row.created_at, row.id, newer)
