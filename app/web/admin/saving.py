"""What a form wants is done and committed, or refused in a sentence."""

from collections.abc import Callable

from app.errors import Refused
from app.extensions import db


def refusal(change: Callable[[], object]) -> str | None:
    """None when it was done."""
    try:
        change()
        db.session.commit()
    except Refused as error:
        db.session.rollback()
        return str(error)
    return None
