"""The search above the lists of subscriptions and customers. No number gets into an address (M14)."""

from flask import request

from app.billing.models import Subscriber
from app.desk import people
from app.desk.people import HINT, Found
from app.extensions import db
from app.web.admin import access, desk

LONGEST = 80
NOBODY = Found("That phone number", advice=HINT)


def asked(*filters: str) -> dict[str, str]:
    """The form, as the query of the list's address: of a number only whose it is."""
    wanted = {name: request.form.get(name, "") for name in filters}
    typed = _typed(request.form.get("q", ""))
    person_id = people.with_phone(desk.merchant().id, typed)
    wanted |= {"q": typed} if person_id is None else {"person": str(person_id)}
    return {name: value for name, value in wanted.items() if value}


def found() -> Found | None:
    """None: nothing is searched for."""
    if (person_id := access.number_in_query("person")) is not None:
        return _person(person_id)
    typed = _typed(request.args.get("q", ""))
    return people.find(desk.merchant().id, typed) if typed else None


def _person(person_id: int) -> Found:
    mine = access.scoped(Subscriber).where(Subscriber.id == access.possible(person_id))
    person = db.session.scalar(mine)
    return Found(f"Phone {people.masked(person)}", (person.id,)) if person else NOBODY


def _typed(text: str) -> str:
    kept = "".join(sign for sign in text if sign.isprintable())
    return " ".join(kept.split())[:LONGEST]
