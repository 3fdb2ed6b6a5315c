"""Lists that a person looks at often, under a name of their own."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.desk import asked
from app.desk.models import LONGEST_NAME, LONGEST_QUERY, SavedView
from app.errors import Refused
from app.extensions import db
from app.staff import sessions

MOST = 20


@dataclass(frozen=True)
class Owner:
    """Whose view, of which merchant's payments."""

    staff_id: int
    merchant_id: int


def of(owner: Owner) -> list[SavedView]:
    query = select(SavedView).where(*_theirs(owner)).order_by(SavedView.name)
    return list(db.session.scalars(query))


def _theirs(owner: Owner) -> tuple[ColumnElement[bool], ...]:
    return (SavedView.staff_id == owner.staff_id, SavedView.merchant_id == owner.merchant_id)


def save(owner: Owner, name: str, query: str) -> None:
    """Only known filters are kept, whatever the address held. Raises Refused."""
    name = " ".join(sessions.printable(name).split())
    kept = asked.clean_query(query, owner.merchant_id)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Refused(f"Give the view a name of at most {LONGEST_NAME} characters.")
    if not kept or len(kept) > LONGEST_QUERY:
        raise Refused("Choose a filter first: all payments are the first tab.")
    mine = SavedView.staff_id == owner.staff_id
    if (db.session.scalar(select(func.count()).where(mine)) or 0) >= MOST:
        raise Refused(f"You have {MOST} views: delete one first.")
    row = {**vars(owner), "name": name, "query": kept, "created_at": clock.now()}
    made = insert(SavedView).values(row).on_conflict_do_nothing().returning(SavedView.id)
    if db.session.scalar(made) is None:
        raise Refused("You have a view of this name already.")


def remove(owner: Owner, view_id: int) -> bool:
    """False: there is no such view of theirs."""
    mine = delete(SavedView).where(SavedView.id == view_id, *_theirs(owner))
    return db.session.scalar(mine.returning(SavedView.id)) is not None
