"""Which payments somebody asks for, read from the address of the list. What is wrong with it is said."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import select

from app.billing.models import MAX_PRICE, Plan
from app.daraja import Reason
from app.desk import days, search
from app.desk.days import DAY, Span
from app.desk.filters import ALL, TABS, Filters
from app.errors import Refused
from app.extensions import db
from app.staff import sessions

# In the order in which an address has them; nothing else is kept, or saved in a view.
NAMES = ("status", "q", "phone", "days", "from", "to", "plan", "amount", "reason", "merchant")
LONGEST = 100
ID = re.compile(r"[0-9]{1,18}", re.ASCII)
DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
AMOUNT = re.compile(r"(?:KSh\s*)?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,6})", re.ASCII | re.IGNORECASE)
PRESETS: dict[str, Callable[[], Span]] = {
    "today": lambda: days.last_days(1),
    "yesterday": lambda: Span(days.today() - DAY, days.today() - DAY),
    "7": lambda: days.last_days(7),
    "30": lambda: days.last_days(30),
}


@dataclass(frozen=True)
class Asked:
    typed: Mapping[str, str]
    filters: Filters
    errors: Mapping[str, str]

    def query(self, **changes: str) -> str:
        """The same list with some filters changed, as the end of an address."""
        return _query({**self.typed, **changes})


def read(args: Mapping[str, str], merchant_id: int) -> Asked:
    typed = clean(args)
    filters, errors = Filters(merchant_id), {}
    for name, reader in READERS.items():
        try:
            filters = replace(filters, **reader(merchant_id, typed))
        except Refused as refusal:
            errors[name] = str(refusal)
    return Asked(typed, filters, errors)


def clean(args: Mapping[str, str]) -> dict[str, str]:
    """Known names with something in them, without what PostgreSQL cannot keep."""
    known = ((name, " ".join(sessions.printable(args.get(name, "")).split())) for name in NAMES)
    return {name: value[:LONGEST] for name, value in known if value}


def without_number(typed: Mapping[str, str], merchant_id: int) -> dict[str, str]:
    """A phone number that was typed becomes the payment that it is found by; see search.py."""
    newest = search.newest_from(merchant_id, typed["q"]) if "q" in typed else None
    if newest is None:
        return dict(typed)
    return {**{name: typed[name] for name in typed if name != "q"}, "phone": str(newest)}


def clean_query(query: str, merchant_id: int) -> str:
    """What a view keeps of an address."""
    typed = clean(dict(parse_qsl(query, max_num_fields=50)))
    return _query(without_number(typed, merchant_id))


def _query(typed: Mapping[str, str]) -> str:
    return urlencode({name: typed[name] for name in NAMES if typed.get(name)})


def _tab(_merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    tab = typed.get("status", ALL)
    if tab not in TABS:
        raise Refused("There is no such tab.")
    return {"tab": tab}


def _found(merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    if "phone" in typed:
        known = int(typed["phone"]) if ID.fullmatch(typed["phone"]) else 0
        return {"found": search.of_phone(merchant_id, known)}
    return {"found": search.find(merchant_id, typed["q"]) if "q" in typed else None}


def _preset(_merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    preset = typed.get("days")
    if preset is None or "from" in typed or "to" in typed:  # days that were chosen win
        return {}
    if preset not in PRESETS:
        raise Refused("Choose one of the days.")
    span = PRESETS[preset]()
    return {"since": days.midnight(span.first), "until": days.midnight(span.last + DAY)}


def _first_day(_merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    return {"since": days.midnight(_day(typed["from"]))} if "from" in typed else {}


def _last_day(_merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    if "to" not in typed:
        return {}
    last = _day(typed["to"])
    if DATE.fullmatch(typed.get("from", "")) and typed["from"] > typed["to"]:
        raise Refused("The last day is before the first.")
    return {"until": days.midnight(last + DAY)}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if DATE.fullmatch(text) else "")
    except ValueError as error:
        raise Refused("Give the day like 2026-11-23.") from error


def _plan(merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    if "plan" not in typed:
        return {}
    mine = (Plan.merchant_id == merchant_id, Plan.code == typed["plan"])
    plan_id = db.session.scalar(select(Plan.id).where(*mine))
    if plan_id is None:
        raise Refused("There is no such plan.")
    return {"plan_id": plan_id}


def _amount(_merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    if "amount" not in typed:
        return {}
    found = AMOUNT.fullmatch(typed["amount"])
    amount = int(found[1].replace(",", "")) if found else 0
    if not 1 <= amount <= MAX_PRICE:
        raise Refused(f"Give the amount in whole shillings, 1 to {MAX_PRICE:,}.")
    return {"amount": amount}


def _reason(_merchant_id: int, typed: Mapping[str, str]) -> dict[str, Any]:
    if "reason" not in typed:
        return {}
    if typed["reason"] not in set(Reason):
        raise Refused("There is no such cause.")
    return {"reason": typed["reason"]}


READERS: dict[str, Callable[[int, Mapping[str, str]], dict[str, Any]]] = {
    "status": _tab,
    "q": _found,
    "days": _preset,
    "from": _first_day,
    "to": _last_day,
    "plan": _plan,
    "amount": _amount,
    "reason": _reason,
}
