"""Objects of models, made of bare rows: as a session would have loaded them, and of no session.

Rules read and change them as ever. What was not read raises when somebody asks for it: nothing is
loaded behind a rule's back. Nothing is flushed either: `many.save` writes what has changed.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, TypeDecorator
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import manager_of_class

from app.extensions import Model

M = TypeVar("M", bound=Model)


class Shape(Generic[M]):
    def __init__(
        self, model: type[M], *, only: Sequence[str] = (), without: Sequence[str] = ()
    ) -> None:
        self.model, its = model, model.__table__.c
        names = only or [name for name in its.keys() if name not in without]  # noqa: SIM118 - not a dict
        self.columns: tuple[ColumnElement[Any], ...] = tuple(its[name] for name in names)
        self.names = tuple(names)
        self._id = self.names.index("id")
        self._new = manager_of_class(model).new_instance
        for column in self.columns:
            if isinstance(column.type, TypeDecorator):  # psycopg would give what lies in the table
                raise TypeError(f"{column}: only SQLAlchemy can read it")

    def made(self, values: Sequence[Any]) -> M | None:
        """Of these columns' values; None where an outer join found nothing."""
        if values[self._id] is None:
            return None
        one: M = self._new()
        one.__dict__.update(zip(self.names, values, strict=True))
        make_transient_to_detached(one)
        return one
