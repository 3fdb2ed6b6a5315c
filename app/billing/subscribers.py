"""What staff know of a person, and change. The audit log says that they did, and never a name or number."""

from app import audit, crypto
from app.billing import constraints
from app.billing.models import Subscriber
from app.billing.subscriptions import phone_index, phone_place
from app.errors import Refused
from app.staff.accounts import By

LONGEST_NAME = 60
GONE = "This person was erased: there is nobody to reach any more."


def checked_name(text: str) -> str | None:
    """None: no name. Raises Refused."""
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused(f"A name has at most {LONGEST_NAME} characters.")
    return name or None


def rename(person: Subscriber, name: str | None, by: By) -> None:
    """Raises Refused: whoever was erased does not get a name again."""
    known_phone(person)
    if person.name != name:
        person.name = name
        audit.record(person, "subscriber.renamed", actor=by.actor)


def change_phone(person: Subscriber, phone: str, by: By) -> None:
    """Their next requests go to the new number; payments that there are keep theirs. Raises Refused.

    The caller holds both numbers' locks, and the person's row fresh.
    """
    index = phone_index(phone)
    if index == person.phone_index:
        raise Refused("That is the number already.")
    with constraints.answered(
        "uq_subscriber_merchant_id_phone_index", "Another customer has this number."
    ):
        person.phone_sealed = crypto.seal(phone.encode(), phone_place(person.token))
        person.phone_index = index
    audit.record(person, "subscriber.phone_changed", actor=by.actor, **by.details())


def reveal(person: Subscriber, by: By) -> str:
    """The whole number. To be shown only after the commit: who saw it is then in the audit log.

    Raises Refused.
    """
    phone = known_phone(person)
    audit.record(person, "subscriber.revealed", actor=by.actor, **by.details())
    return phone


def known_phone(person: Subscriber) -> str:
    """Raises Refused where the person was erased."""
    if (phone := person.phone) is None:
        raise Refused(GONE)
    return phone
