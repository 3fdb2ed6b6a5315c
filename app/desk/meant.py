"""What of the audit log somebody means: an object by its number, an account or a receipt; a person."""

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import select

from app.billing.models import Invoice
from app.desk.trail import Event, Subjects
from app.errors import Refused
from app.extensions import db
from app.payments.models import Payment, Receipt
from app.staff import OPERATOR, Staff

OBJECT = re.compile(r"([a-z]{1,20}(?:[ _][a-z]{1,20})?)[ :#]+([0-9]{1,18})", re.ASCII)
NUMBER = re.compile(r"[A-Za-z0-9-]{3,20}", re.ASCII)
STAFF = "staff:"
HELP = "Say it like “payment 17”, or give an account number or an M-PESA receipt number."
# Whoever is not of the staff, by what the log calls them.
OTHERS = {
    "customer": "Customers",
    "safaricom": "M-PESA",
    "command": "Command line",
    "stranger": "Strangers at the door",
    "worker": "Malipo: worker",
    "settlement": "Malipo: settlement",
    "sweep": "Malipo: sweep",
    "reconciliation": "Malipo: reconciliation",
}


def subjects(merchant_id: int, typed: str) -> Subjects:
    """`payment 17`, an account number or a receipt's. Raises Refused."""
    typed = " ".join(typed.split())
    if found := OBJECT.fullmatch(typed.lower()):
        return ((found[1].replace(" ", "_"), int(found[2])),)
    if not NUMBER.fullmatch(typed):
        raise Refused(HELP)
    return _of_invoice(merchant_id, typed.upper()) or _of_receipt(merchant_id, typed.upper())


def _of_invoice(merchant_id: int, reference: str) -> Subjects:
    """Whatever happened to what was owed, its subscription, and every try to collect it."""
    named = (Invoice.merchant_id == merchant_id, Invoice.reference == reference)
    invoice = db.session.scalar(select(Invoice).where(*named))
    if invoice is None:
        return ()
    tries = db.session.scalars(select(Payment.id).where(Payment.invoice_id == invoice.id)).all()
    mine = (("invoice", invoice.id), ("subscription", invoice.subscription_id))
    return (*mine, *(("payment", payment_id) for payment_id in tries))


def _of_receipt(merchant_id: int, code: str) -> Subjects:
    named = (Receipt.merchant_id == merchant_id, Receipt.code == code)
    receipt = db.session.scalar(select(Receipt).where(*named))
    if receipt is None:
        return ()
    paid = (("payment", receipt.payment_id),) if receipt.payment_id else ()
    return (("receipt", receipt.id), *paid)


def people(merchant_id: int) -> dict[str, str]:
    """Whom one may choose: the merchant's own staff by name, then everybody else."""
    query = select(Staff).where(Staff.merchant_id == merchant_id, Staff.role != OPERATOR)
    mine = sorted((_name(one), f"{STAFF}{one.id}") for one in db.session.scalars(query))
    return {actor: name for name, actor in mine} | OTHERS


def names(
    events: Iterable[Event], merchant_id: int, *, operators: bool = False
) -> Mapping[int, str]:
    """Of the staff in these events. Who is not of this house is called an operator, to all but those."""
    known = select(Staff).where(Staff.id.in_(set(_staff_in(events))))
    found = db.session.scalars(known).all()
    ours = {one.id for one in found if operators or _at_home(one, merchant_id)}
    return {one.id: _name(one) if one.id in ours else "An operator" for one in found}


def _staff_in(events: Iterable[Event]) -> Iterator[int]:
    """Who did something, and to whom it was done."""
    for event in events:
        acting = event.actor.removeprefix(STAFF)
        if acting != event.actor and acting.isdecimal():
            yield int(acting)
        if event.subject_type == Staff.__tablename__:
            yield event.subject_id


def _at_home(one: Staff, merchant_id: int) -> bool:
    return one.merchant_id == merchant_id and one.role != OPERATOR


def _name(one: Staff) -> str:
    return one.name or one.email
