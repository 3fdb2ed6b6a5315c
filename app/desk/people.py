"""Whose number, name or account it is: what a search among subscriptions and customers came to."""

from dataclasses import dataclass

from sqlalchemy import func, select

from app import crypto, msisdn
from app.billing import subscriptions
from app.billing.models import Invoice, Subscriber, Subscription
from app.desk.search import MOST_PEOPLE, REFERENCE, SHORTEST_NAME
from app.errors import BadPhone
from app.extensions import db
from app.payments.models import Payment

HINT = "Search by a whole phone number or account reference, or by how a name begins."


@dataclass(frozen=True)
class Found:
    said: str
    people: tuple[int, ...] = ()
    subscription_id: int | None = None  # the one that the reference is of
    advice: str = ""


def find(merchant_id: int, typed: str) -> Found:
    """By reference, else by name. A number is looked for apart: see `with_phone`."""
    looks = (_reference, _name)
    found = (look(merchant_id, typed) for look in looks)
    return next((one for one in found if one), Found(f"“{typed}”", advice=HINT))


def with_phone(merchant_id: int, typed: str) -> int | None:
    """The subscriber's id; 0 where nobody has the number. None: it is no number."""
    try:
        phone = msisdn.parse(typed)
    except BadPhone:
        return None
    index = subscriptions.phone_index(phone)
    mine = (Subscriber.merchant_id == merchant_id, Subscriber.phone_index == index)
    return db.session.scalar(select(Subscriber.id).where(*mine)) or 0


def _reference(merchant_id: int, typed: str) -> Found | None:
    reference = typed.upper()
    if not REFERENCE.fullmatch(reference):
        return None
    query = (
        select(Subscription)
        .join(Invoice, Invoice.subscription_id == Subscription.id)
        .where(Invoice.merchant_id == merchant_id, Invoice.reference == reference)
    )
    one = db.session.scalar(query)
    return Found(f"Account {reference}", (one.subscriber_id,), one.id) if one else None


def _name(merchant_id: int, typed: str) -> Found | None:
    if len(typed) < SHORTEST_NAME:
        return None
    literal = typed.translate({ord(sign): f"\\{sign}" for sign in "\\%_"})
    begins = func.lower(Subscriber.name).like(func.lower(f"{literal}%"))
    people = _ids(Subscriber.merchant_id == merchant_id, begins)
    said = f"Names that begin with “{typed}”"
    if len(people) > MOST_PEOPLE:
        return Found(said, advice=f"More than {MOST_PEOPLE} people: type more of the name.")
    return Found(said, people) if people else None


def _ids(*conditions: object) -> tuple[int, ...]:
    query = select(Subscriber.id).where(*conditions).limit(MOST_PEOPLE + 1)  # type: ignore[arg-type]
    return tuple(db.session.scalars(query))


def masked(one: Subscriber | Payment) -> str:
    """A list is not lost because one number lies under a key that is gone."""
    try:
        return msisdn.masked(one.phone) if one.phone else msisdn.ERASED
    except crypto.CannotOpen:
        return "Number unreadable"
