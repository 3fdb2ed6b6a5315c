"""The scheduler's beat, and what the books said: one row each, of the newest."""

from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.extensions import db
from app.watching.models import SCHEDULER, Beat, BooksCheck


def begin() -> None:
    """Before the first beat ever nobody is missed."""
    first = insert(Beat).values(name=SCHEDULER, at=clock.now())
    db.session.execute(first.on_conflict_do_nothing())


def beat() -> None:
    fresh = insert(Beat).values(name=SCHEDULER, at=clock.now())
    again = fresh.on_conflict_do_update(index_elements=["name"], set_={"at": clock.now()})
    db.session.execute(again)


def books_said(wrong: Mapping[str, int]) -> None:
    """How many rows break each rule, of all rules. The caller commits."""
    db.session.execute(delete(BooksCheck).where(BooksCheck.rule.not_in(wrong)))
    now = clock.now()
    rows = [{"rule": rule, "wrong": count, "checked_at": now} for rule, count in wrong.items()]
    fresh = insert(BooksCheck).values(rows)
    said = {"wrong": fresh.excluded.wrong, "checked_at": now}
    db.session.execute(fresh.on_conflict_do_update(index_elements=["rule"], set_=said))
