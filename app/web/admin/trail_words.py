"""An event of the audit log in words: what it is about, and its details without brackets."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from flask import url_for

from app.desk import words
from app.desk.trail import Event
from app.web.admin import access
from app.web.admin.shown import when
from app.web.shown import ksh

MONEY = ("amount", "price")
# A day and a time, as isoformat() writes it.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d|Z)", re.ASCII)
# Where an object of a kind is shown, and the name of the id there.
PAGES = {
    "payment": ("admin.payment.page", "payment_id"),
    "subscription": ("admin.subscriptions.one", "subscription_id"),
    "subscriber": ("admin.customers.one", "person_id"),
    "plan": ("admin.plans.one", "plan_id"),
    "staff": ("admin.people.person", "person_id"),
    "receipt": ("admin.receipts.one", "receipt_id"),
    "dispute": ("admin.disputes.one", "dispute_id"),
    "alert": ("admin.alerts.one", "alert_id"),
}
# How what one may look for begins.
KINDS = {
    "": "Everything",
    "payment": "Payments",
    "callback.": "Messages of M-PESA",
    "question.": "Questions to M-PESA",
    "receipt.": "Receipts",
    "alert.": "Alerts",
    "match.": "Matches by hand",
    "statement.": "Statements",
    "day.": "Daily closes",
    "dispute.": "Disputes",
    "subscription.": "Subscriptions",
    "invoice.": "Invoices",
    "subscriber.": "Customers",
    "plan.": "Plans",
    "merchant.": "Settings",
    "staff.": "Staff and sign-ins",
    "audit.": "This log",
}
YES, NO = "yes", "no"


def what(event: Event) -> str:
    return words.action(event.action, event.details)


def who(event: Event, names: Mapping[int, str]) -> str:
    return words.actor(event.actor, names)


def about(event: Event, names: Mapping[int, str]) -> str:
    if event.subject_type == "staff" and event.subject_id in names:
        return names[event.subject_id]
    return f"{event.subject_type.replace('_', ' ')} {event.subject_id}"


def page_of(event: Event) -> str | None:
    """Where it is shown, for whoever may look."""
    endpoint, name = PAGES.get(event.subject_type, ("", ""))
    if not access.may(endpoint):
        return None
    return url_for(endpoint, **{name: event.subject_id})  # type: ignore[arg-type]


def details(event: Event) -> list[tuple[str, str]]:
    """Keys and values; what is nested has both names."""
    return list(_pairs(event.details))


def _pairs(known: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in sorted(known.items()):
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{name} ")
        elif value not in (None, "", [], {}):
            yield name, _plain(key, value)


def _plain(key: str, value: object) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, list):
        return ", ".join(_plain(key, one) for one in value)
    if isinstance(value, int) and key in MONEY:
        return ksh(value)
    return _text(str(value))


def _text(text: str) -> str:
    return when(datetime.fromisoformat(text)) if TIME.fullmatch(text) else text


def raw(event: Event) -> str:
    known = {"number": event.seq, "actor": event.actor, "action": event.action}
    whole = {**known, "details": event.details, "hash": event.hash.hex()}
    return json.dumps(whole, indent=2, ensure_ascii=False)
