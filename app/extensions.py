"""The database, unbound. Imports nothing of ours, so anyone may import it.

What only pages need is in web/extensions.py: eleven megabytes for each worker and scheduler.
"""

from datetime import datetime
from select import POLLIN, poll
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Engine, MetaData, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, registry

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    # On the registry, not on the class: Flask-SQLAlchemy subclasses this base again.
    registry = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={datetime: DateTime(timezone=True), int: BigInteger},
    )


db = SQLAlchemy(model_class=Model)


def find_dead_connections(engine: Engine) -> None:
    """Before a pooled connection is used: has PostgreSQL closed it, or sent what nobody asked for?

    SQLAlchemy's own `pool_pre_ping` asks PostgreSQL each time: a round trip, a third of a poll.
    The kernel knows the same, because a server that goes says so: the socket can then be read.
    """
    event.listen(engine, "checkout", _refuse_dead)


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    if connection.closed or _may_be_read(connection.fileno()):
        raise InvalidatePoolError  # the others are as old: each is replaced when it is asked for


def _may_be_read(descriptor: int) -> bool:
    """By poll: select takes no number above 1023, and thousands of browsers keep theirs open."""
    asked = poll()
    asked.register(descriptor, POLLIN)
    return bool(asked.poll(0))
