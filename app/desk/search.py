"""One box: what was typed decides where it is looked for. Each look is one step into an index.

A phone number is looked for once, and from then on is "the phone of payment 7": addresses are kept by
browsers, proxies and logs, and hold no number (M14).
"""

import re
from collections.abc import Callable

from sqlalchemy import func, or_, select

from app import msisdn
from app.billing import subscriptions
from app.billing.models import Invoice, Subscriber
from app.desk.filters import Found
from app.desk.rows import masked_phone
from app.errors import BadPhone
from app.extensions import db
from app.payments.models import Payment, Receipt

RECEIPT = re.compile(r"[A-Z0-9]{8,12}", re.ASCII)
REFERENCE = re.compile(r"[A-Z0-9-]{3,12}", re.ASCII)
TOKEN = re.compile(r"[0-9a-f]{32}|[A-Za-z0-9_-]{22}", re.ASCII)
SHORTEST_NAME = 2
MOST_PEOPLE = 100  # whose payments are fetched to be put in order
HINT = (
    "Search by a whole receipt number, phone number or account reference, or by how a name begins."
)


def find(merchant_id: int, typed: str) -> Found:
    """The first of the kinds that it can be, and of which there is one."""
    for look in LOOKS:
        if found := look(merchant_id, typed):
            return found
    return Found(f"“{typed}”", advice=HINT)


def _receipt(merchant_id: int, typed: str) -> Found | None:
    """Proved or claimed: whoever calls has a number from an SMS."""
    code = typed.upper()
    if not RECEIPT.fullmatch(code):
        return None
    known = or_(Receipt.code == code, Receipt.claimed_code == code)
    query = select(Receipt.payment_id).where(known, Receipt.merchant_id == merchant_id)
    receipts = db.session.scalars(query).all()
    if not receipts:
        return None
    if payments := [payment_id for payment_id in receipts if payment_id is not None]:
        return Found(f"Receipt {code}", Payment.id.in_(payments))
    return Found(f"Receipt {code}", advice="The money is there, but no payment asked for it.")


def _reference(merchant_id: int, typed: str) -> Found | None:
    reference = typed.upper()
    if not REFERENCE.fullmatch(reference):
        return None
    mine = (Invoice.merchant_id == merchant_id, Invoice.reference == reference)
    invoice_id = db.session.scalar(select(Invoice.id).where(*mine))
    if invoice_id is None:
        return None
    return Found(f"Account {reference}", Payment.invoice_id == invoice_id)


def _token(merchant_id: int, typed: str) -> Found | None:
    """The end of the address of a customer's page, or all of it."""
    token = typed.rstrip("/").rpartition("/")[2]
    if not TOKEN.fullmatch(token):
        return None
    mine = (Payment.merchant_id == merchant_id, Payment.token == token)
    payment_id = db.session.scalar(select(Payment.id).where(*mine))
    return Found("A payment’s own page", Payment.id == payment_id) if payment_id else None  # noqa: RUF001


def _name(merchant_id: int, typed: str) -> Found | None:
    if len(typed) < SHORTEST_NAME:
        return None
    begins = func.lower(Subscriber.name).like(func.lower(_literally(typed) + "%"))
    query = select(Subscriber.id).where(Subscriber.merchant_id == merchant_id, begins)
    people = tuple(db.session.scalars(query.limit(MOST_PEOPLE + 1)))
    said = f"Names that begin with “{typed}”"
    if len(people) > MOST_PEOPLE:
        return Found(said, advice=f"More than {MOST_PEOPLE} people: type more of the name.")
    return Found(said, people=people) if people else None


def _literally(typed: str) -> str:
    """Nothing that was typed stands for something else."""
    return re.sub(r"([\\%_])", r"\\\1", typed)


LOOKS: tuple[Callable[[int, str], Found | None], ...] = (_receipt, _reference, _token, _name)


def newest_from(merchant_id: int, typed: str) -> int | None:
    """The newest payment of this phone number; 0 where there is none. None: it is no number."""
    try:
        index = subscriptions.phone_index(msisdn.parse(typed))
    except BadPhone:
        return None
    mine = (Payment.phone_index == index, Payment.merchant_id == merchant_id)
    newest_first = (Payment.created_at.desc(), Payment.id.desc())
    return db.session.scalar(select(Payment.id).where(*mine).order_by(*newest_first).limit(1)) or 0


def of_phone(merchant_id: int, payment_id: int) -> Found:
    """All payments of the phone that this one asked."""
    columns = (Payment.phone_index, Payment.phone_sealed, Payment.token)
    mine = (Payment.id == payment_id, Payment.merchant_id == merchant_id)
    one = db.session.execute(select(*columns).where(*mine)).one_or_none()
    if one is None:
        return Found("This phone number", advice=HINT)
    if one.phone_index is None:
        return Found("A phone number that was erased", advice=HINT)
    phone = masked_phone(one.phone_sealed, one.token)
    return Found(f"Phone {phone}", Payment.phone_index == one.phone_index)
