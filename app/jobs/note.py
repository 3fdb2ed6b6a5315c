"""Adds to the totals what leaves no row: on a connection of its own, beside whatever is going on."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.logs import log
from app.watching import totals

PATIENCE = "set local lock_timeout = '300ms'"  # a figure is not worth a customer's time


def refusal(rule: str) -> None:
    """A limit has sent a customer away. Call it after the rollback."""
    _add(totals.REFUSALS, rule)


def token_refresh() -> None:
    _add(totals.REFRESHES)


def _add(name: str, label: str = "") -> None:
    try:
        with db.engine.begin() as connection:
            connection.execute(text(PATIENCE))
            connection.execute(totals.added({(name, label): 1}))
    except SQLAlchemyError as error:
        log().warning("not counted", name=name, error=type(error).__name__)
