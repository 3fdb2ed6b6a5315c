"""The database forbids; whoever asked reads why."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from app.errors import Refused
from app.extensions import db


@contextmanager
def answered(constraint: str, says: str) -> Iterator[None]:
    """Writes what is in the block. Raises Refused, after which the transaction can only be rolled back."""
    try:
        yield
        db.session.flush()
    except IntegrityError as error:
        broken = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if broken != constraint:
            raise
        raise Refused(says) from error
