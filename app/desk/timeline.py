"""All that is known of one payment, in the order in which it happened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import select

from app import crypto
from app.audit import AuditEvent
from app.billing.models import Invoice
from app.desk import masking, words
from app.desk.models import Note
from app.extensions import db
from app.payments.alerts import Alert
from app.payments.models import Allocation, Callback, Payment, Receipt
from app.staff import Staff

MOST = 200  # events, and messages, of one payment: the newest
# Told by rows that know more: alerts, messages, notes.
TOLD_ELSEWHERE = ("callback.settled", "payment.noted")
SAID = {"before", "amount"}  # by the event before, and by the page
TONES: Mapping[str, str] = {
    "payment.paid": "ok",
    "payment.matched": "ok",
    "payment.failed": "bad",
    "payment.unconfirmed": "warn",
}


@dataclass(frozen=True)
class Event:
    at: datetime
    who: str
    text: str
    tone: str = "mute"
    more: str = ""  # a second line
    raw: str = ""  # folded
    leads_to: int | None = None  # another payment


def of(payment: Payment) -> list[Event]:
    people = _people(payment)
    events = chain(
        _audited(payment, people),
        _messages(payment),
        _alerts(payment),
        _money(payment),
        _notes(payment, people),
        _other_tries(payment),
    )
    return sorted(events, key=lambda event: event.at)


def _people(payment: Payment) -> Mapping[int, str]:
    """Names of whoever did something here. Actors are staff:<id>."""
    actors = select(AuditEvent.actor).where(*_about(payment), AuditEvent.actor.startswith("staff:"))
    ids = {name.removeprefix("staff:") for name in db.session.scalars(actors.distinct())}
    known = select(Staff).where(Staff.id.in_([int(one) for one in ids if one.isdecimal()]))
    return {person.id: person.name or person.email for person in db.session.scalars(known)}


def _about(payment: Payment) -> tuple[Any, ...]:
    return (
        AuditEvent.subject_type == "payment",
        AuditEvent.subject_id == payment.id,
        AuditEvent.merchant_id == payment.merchant_id,
    )


def _audited(payment: Payment, people: Mapping[int, str]) -> Iterable[Event]:
    elsewhere = AuditEvent.action.not_in(TOLD_ELSEWHERE)
    alerts = AuditEvent.action.not_like("alert.%")
    query = select(AuditEvent).where(*_about(payment), elsewhere, alerts)
    for event in _newest(query.order_by(AuditEvent.id.desc())):
        yield Event(
            event.at,
            words.actor(event.actor, people),
            words.action(event.action, event.details),
            TONES.get(event.action, "mute"),
            more=str(event.details.get("reason", "")) if event.actor.startswith("staff:") else "",
            raw=masking.details(event.details) if set(event.details) - SAID else "",
        )


def _newest(query: Any) -> list[Any]:
    return list(reversed(db.session.scalars(query.limit(MOST)).all()))


def _messages(payment: Payment) -> Iterable[Event]:
    query = select(Callback).where(Callback.payment_id == payment.id)
    for message in _newest(query.order_by(Callback.id.desc())):
        ended = message.outcome or message.error or "not settled yet"
        tone = "warn" if message.parked_at or message.error else "info"
        more = f"{ended} · from {message.address}" if message.address else ended
        yield Event(
            message.received_at, "M-PESA", "A message came", tone, more=more, raw=_body(message)
        )


def _body(message: Callback) -> str:
    if message.body_sealed is None:
        return "Its text was deleted after 90 days, as all are, or with its person."
    try:
        return masking.masked(message.body)
    except crypto.CannotOpen:
        return "Its text cannot be opened: the key is not in ENCRYPTION_KEYS."


def _alerts(payment: Payment) -> Iterable[Event]:
    query = select(Alert).where(Alert.payment_id == payment.id)
    for alert in _newest(query.order_by(Alert.id.desc())):
        tone, state = ("mute", "Resolved") if alert.resolved_at else ("warn", "Wants a person")
        yield Event(alert.created_at, words.MACHINE, alert.text, tone, more=state)


def _money(payment: Payment) -> Iterable[Event]:
    receipt = db.session.scalar(select(Receipt).where(Receipt.payment_id == payment.id))
    if receipt is None:
        return
    query = (
        select(Allocation.amount, Allocation.invoice_id, Invoice.reference)
        .outerjoin(Invoice, Invoice.id == Allocation.invoice_id)
        .where(Allocation.receipt_id == receipt.id)
    )
    places = [
        f"KSh {amount:,} {f'on {reference}' if invoice_id else 'on the balance'}"
        for amount, invoice_id, reference in db.session.execute(query.order_by(Allocation.id))
    ]
    number = receipt.code or (
        f"{receipt.claimed_code} (not proved)" if receipt.claimed_code else ""
    )
    text = f"KSh {receipt.amount:,} booked" + (f", receipt {number}" if number else "")
    yield Event(receipt.created_at, words.MACHINE, text, "ok", more="; ".join(places))


def _notes(payment: Payment, people: Mapping[int, str]) -> Iterable[Event]:
    query = select(Note).where(Note.payment_id == payment.id).order_by(Note.id.desc())
    for note in _newest(query):
        who = people.get(note.staff_id, "Somebody of the staff")
        yield Event(note.created_at, who, "Note", "info", more=note.text)


def _other_tries(payment: Payment) -> Iterable[Event]:
    if payment.retry_of_id is not None:
        text = "A new request for what another one did not bring"
        yield Event(payment.created_at, words.MACHINE, text, leads_to=payment.retry_of_id)
    later = db.session.scalar(select(Payment).where(Payment.retry_of_id == payment.id))
    if later is not None:
        yield Event(later.created_at, words.MACHINE, "A new request was sent", leads_to=later.id)
