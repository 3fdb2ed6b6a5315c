"""The page of a merchant's M-PESA settings: what is set, what was tried, what is still to do."""

from dataclasses import dataclass
from datetime import datetime

from flask import render_template
from sqlalchemy import select

from app import checkup, crypto
from app.audit import AuditEvent
from app.checkup import Check, Live, connection
from app.crypto import CannotOpen
from app.extensions import db
from app.merchants import DEFAULT, INITIATOR_PASSWORD, SECRETS, Merchant, mpesa
from app.merchants.verification import FAILED, Verdict
from app.settings import settings
from app.staff import Staff
from app.web.admin import desk

NEWEST_CHANGES = 10
# What is said of an event; with the name of the secret where there is one.
CHANGES = {
    "merchant.created": "The merchant was made",
    "merchant.number_set": "Paybill or till set",
    "merchant.secret_set": "Secret set",
    "merchant.initiator_set": "Initiator set",
    "merchant.certificate_set": "Certificate set",
    "merchant.platform_number_used": "Paid through the platform's number from here on",
    "merchant.platform_number_left": "Paid through its own number from here on",
    "merchant.connection_tried": "Connection tried",
}


@dataclass(frozen=True)
class Secret:
    name: str
    label: str
    there: bool
    last4: str
    set_at: datetime | None  # None: it is not set, or was before days were kept


@dataclass(frozen=True)
class Change:
    text: str
    who: str
    at: datetime


def render(live: Live | None = None, error: str | None = None) -> str:
    merchant = desk.merchant()
    verdict, checks = _looked(merchant, live)
    return render_template(
        "admin/settings/index.html",
        verdict=verdict,
        checks=checks,
        asked=live is not None,
        secrets=[secret(merchant, name) for name in SECRETS],
        initiator=secret(merchant, INITIATOR_PASSWORD),
        certificate_until=mpesa.certificate_until(merchant),
        number=own_number(merchant),
        from_environment=merchant.slug == DEFAULT,
        callback_base=f"{settings().public_base_url}/hooks/v1/",
        changes=_changes(merchant),
        attempt=crypto.new_token(),
        error=error,
    )


def _looked(merchant: Merchant, live: Live | None) -> tuple[Verdict, list[Check]]:
    try:
        if connection.note_proof(merchant):
            db.session.commit()
        found = checkup.look(merchant, live)
    except CannotOpen:
        text = "A secret cannot be opened: its key is missing from ENCRYPTION_KEYS."
        return Verdict(FAILED, None, text), []
    return found.verdict, checkup.checklist(found)


def secret(merchant: Merchant, name: str) -> Secret:
    there = getattr(merchant, name) is not None
    fact = merchant.secret_facts.get(name, {}) if there else {}
    set_at = datetime.fromisoformat(fact["set_at"]) if fact else None
    label = mpesa.NAMES[name].capitalize()
    return Secret(name, label, there, fact.get("last4", ""), set_at)


def own_number(merchant: Merchant) -> str | None:
    """As people say it; the default merchant's is the environment's."""
    if merchant.slug == DEFAULT:
        return mpesa.said(settings().mpesa_shortcode, settings().mpesa_till)
    return mpesa.said(merchant.shortcode, merchant.till) if merchant.shortcode else None


def _changes(merchant: Merchant) -> list[Change]:
    mine = (AuditEvent.subject_type == "merchant", AuditEvent.subject_id == merchant.id)
    query = select(AuditEvent).where(*mine, AuditEvent.action.in_(CHANGES))
    events = db.session.scalars(query.order_by(AuditEvent.id.desc()).limit(NEWEST_CHANGES)).all()
    people = _people(merchant, {event.actor for event in events})
    return [Change(_said(event), _who(event.actor, people), event.at) for event in events]


def _said(event: AuditEvent) -> str:
    name, state = event.details.get("name"), event.details.get("state")
    what = mpesa.NAMES.get(name or "") or state
    return f"{CHANGES[event.action]}: {what}" if what else CHANGES[event.action]


def _people(merchant: Merchant, actors: set[str]) -> dict[str, str]:
    """Operators are the platform to a merchant's people, unless they look themselves."""
    ids = [int(actor.removeprefix("staff:")) for actor in actors if actor.startswith("staff:")]
    found = db.session.scalars(select(Staff).where(Staff.id.in_(ids))).all()
    known = [one for one in found if one.merchant_id == merchant.id or desk.is_operator()]
    return {f"staff:{one.id}": one.name or one.email for one in known}


def _who(actor: str, people: dict[str, str]) -> str:
    if actor.startswith("staff:"):
        return people.get(actor, "The platform")
    return {"safaricom": "M-PESA", "command": "A command"}.get(actor, actor)
