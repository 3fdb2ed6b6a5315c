"""All that is held about one person, as one document that people and machines can read."""

from datetime import UTC, datetime
from typing import Any

from app import audit, clock, msisdn
from app.audit import AuditEvent
from app.billing.models import Invoice, Subscription
from app.desk.rows import masked_phone
from app.errors import Refused
from app.extensions import Model, db
from app.merchants import Merchant
from app.payments import booking
from app.payments.dispute_models import Dispute
from app.payments.models import Payment, Receipt
from app.privacy import held, told
from app.privacy.held import Held
from app.staff.accounts import By

Facts = dict[str, Any]
FORMAT = "malipo person 1"
ABOUT = {
    "law": "Data Protection Act, 2019: sections 26 (access) and 38 (portability)",
    "times": "UTC, ISO 8601; Nairobi is three hours ahead",
    "amounts": "whole Kenya shillings",
    "not_here": "passwords, keys, and the names of other people; their numbers are masked",
    "kept_for": "see the privacy page of each merchant, /m/<merchant>/privacy",
}


def document(phone: str, only: Merchant | None, by: By) -> Facts:
    """The caller commits before anybody sees it: the audit log says then that it was made."""
    known = [held.at(merchant_id, phone) for merchant_id in held.merchants_that_know(phone, only)]
    if not known:
        raise Refused("Nothing is held about this number.")
    return {
        "format": FORMAT,
        "title": f"What is held about {msisdn.pretty(phone)}",
        "made_at": plain(clock.now()),
        "about": ABOUT,
        "phone": f"+{phone}",
        "held_by": [_one(one, phone, by) for one in known],
    }


def _one(theirs: Held, phone: str, by: By) -> Facts:
    merchant = db.session.get_one(Merchant, theirs.merchant_id)
    payments = told.payments(theirs)
    for subject in [theirs.person] if theirs.person else payments:
        kind = subject.__tablename__
        audit.record(subject, f"{kind}.exported", actor=by.actor)
    found: Facts = {"merchant": facts(merchant, "slug", "name", "support")}
    found |= {"profile": None, "balance": 0, "subscriptions": []}
    if theirs.person is not None:
        found |= {
            "profile": {
                **facts(theirs.person, "name", "language", "created_at"),
                "phone": f"+{theirs.person.phone}",
            },
            "balance": booking.balance(theirs.person.id),
            "subscriptions": list(map(_subscription, told.subscriptions(theirs.person))),
        }
    return found | {
        "payments": [_payment(payment, phone) for payment in payments],
        "receipts": [_receipt(one) for one in told.receipts(theirs)],
        "acts": [_act(event) for event in told.events(theirs, payments)],
    }


def _subscription(one: Subscription) -> Facts:
    mine = facts(one, "created_at", "paid_through", "ends_at", "cancelled_at", "active")
    return {"plan": one.plan.name, **mine, "invoices": list(map(_invoice, told.invoices(one)))}


def _invoice(one: Invoice) -> Facts:
    mine = facts(one, "reference", "amount", "created_at", "paid_at", "voided_at")
    period = facts(one, "period_start", "period_end")
    renewal = told.renewal(one)
    asked = facts(renewal, "queued_at", "done_at", "outcome") if renewal else None
    return {**mine, **period, "to_be_asked_for": asked}


def _payment(payment: Payment, phone: str) -> Facts:
    own = payment.phone == phone
    return {
        "phone": f"+{phone}" if own else masked_phone(payment.phone_sealed, payment.token),
        **facts(payment, "amount", "status", "reason", "code", "shortcode", "ref", "return_url"),
        **facts(payment, "created_at", "sending_at", "accepted_at", "claimed_at", "denied_at"),
        **facts(payment, "ended_at", "paid_at", "verified_by"),
        "account": payment.invoice.reference,
        "plan": payment.invoice.subscription.plan.name,
        "page": f"/pay/{payment.token}",
        "checkout_id": payment.checkout_request_id if own else None,
        "network_address": "known as a keyed fingerprint only" if payment.address_index else None,
        "agreed_to": told.consent(payment),
        "messages": [told.message(one, in_full=own) for one in told.messages(payment)],
        "notes_of_staff": [facts(note, "created_at", "text") for note in told.notes(payment)],
        "cases": list(map(_case, told.cases(payment))),
        "matches_by_hand": [
            facts(one, "code", "amount", "reason", "proposed_at", "decision", "decided_at")
            for one in told.proposals(payment)
        ],
    }


def _case(case: Dispute) -> Facts:
    found = facts(case, "kind", "says", "opened_at", "due_on", "outcome", "closed_at")
    evidence = [facts(one, "added_at", "text") for one in told.evidence(case)]
    return {**found, "evidence": evidence}


def _receipt(receipt: Receipt) -> Facts:
    placed = [facts(one, "created_at", "amount", "reason") for one in told.moves(receipt)]
    lines = [facts(one, "completed_at", "reference", "kind") for one in told.lines(receipt)]
    mine = facts(receipt, "code", "claimed_code", "amount", "source", "paid_at")
    return {**mine, "moved_by_staff": placed, "statement_lines": lines}


def _act(event: AuditEvent) -> Facts:
    """Who of the staff it was is about them, and not told."""
    who = "staff" if event.actor.startswith("staff:") else event.actor
    about = f"{event.subject_type} {event.subject_id}"
    return {**facts(event, "at", "action", "details"), "by": who, "about": about}


def facts(row: Model, *names: str) -> Facts:
    return {name: plain(getattr(row, name)) for name in names}


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, str | int | dict | None):
        return value
    return str(value)
