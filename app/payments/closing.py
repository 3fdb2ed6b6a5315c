"""The daily close: a day's figures, which a person has looked at and signed.

What can happen between the lines:
- the figures change while somebody looks: what they sign carries the digest of what they saw, and
  another one is refused, with the new figures;
- two people sign at once, or one twice: unique by merchant and day, the first one's row stays;
- money of that day comes later, or moves: the signed row is never changed (a trigger), the day's
  page shows the difference.
Figures are read in one statement of SQL where they have to agree with each other.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app import audit, clock
from app.clock import NAIROBI
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.payments import comparing
from app.payments.staff_models import Act, DailyClose

Figures = dict[str, int | bool]
# As they are when somebody looks: about the merchant, not about the day.
OF_NOW = ("suspense_total", "alerts")
LONGEST_NOTE = 1_000

MONEY = """
    select r.source, count(*), sum(r.amount), coalesce(sum(a.invoices), 0),
      coalesce(sum(a.balances), 0), coalesce(sum(l.booked), 0), coalesce(sum(l.suspense), 0)
    from receipt r
    left join lateral (select sum(amount) filter (where invoice_id is not null) as invoices,
        sum(amount) filter (where subscriber_id is not null) as balances
      from allocation where receipt_id = r.id) a on true
    left join lateral (select sum(amount) filter (where account like 'mpesa:%') as booked,
        -sum(amount) filter (where account = 'suspense') as suspense
      from ledger_entry where receipt_id = r.id) l on true
    where r.merchant_id = :merchant and r.paid_at >= :since and r.paid_at < :until
    group by r.source"""
PAYMENTS = """
    select status, count(*) from payment
    where merchant_id = :merchant and created_at >= :since and created_at < :until group by status"""
NOW = """
    select (select coalesce(-sum(amount), 0) from ledger_entry
        where merchant_id = :merchant and account = 'suspense'),
      (select count(*) from alert where merchant_id = :merchant and resolved_at is null)"""


@dataclass(frozen=True)
class Change:
    """A figure that is another one than was signed."""

    name: str
    signed: int | bool
    now: int | bool


def today() -> date:
    return clock.now().astimezone(NAIROBI).date()


def bounds(day: date) -> tuple[datetime, datetime]:
    """The day in Nairobi: from its first moment to before the next one's."""
    start = datetime.combine(day, time(), NAIROBI)
    return start, start + timedelta(days=1)


def figures(merchant: Merchant, day: date) -> Figures:
    since, until = bounds(day)
    values = {"merchant": merchant.id, "since": since, "until": until}
    found = _money(values) | _payments(values)
    suspense, alerts = db.session.execute(text(NOW), values).one()
    compared = comparing.compare(merchant, since, until)
    return found | {
        "suspense_total": int(suspense),
        "alerts": int(alerts),
        "statement_covers": compared.covered,
        "differences": compared.differences,
    }


def _money(values: Mapping[str, object]) -> Figures:
    names = ("receipts", "received", "on_invoices", "on_balances", "booked", "in_suspense")
    found: Figures = dict.fromkeys(names, 0)
    for source, *sums in db.session.execute(text(MONEY), values):
        counted = dict(zip(names, map(int, sums), strict=True))
        found |= {name: found[name] + value for name, value in counted.items()}
        found[f"received.{source}"] = counted["received"]
    placed = found["on_invoices"] + found["on_balances"] + found["in_suspense"]
    booked = found.pop("booked")
    return found | {"books_agree": found["received"] == booked == placed}


def _payments(values: Mapping[str, object]) -> Figures:
    rows = db.session.execute(text(PAYMENTS), values)
    return {f"payments.{status}": int(count) for status, count in rows}


def digest(seen: Figures) -> str:
    """What somebody signs is what they saw."""
    return sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def sign(merchant: Merchant, day: date, seen: str, act: Act) -> DailyClose:
    """`act.reason` is the note. Raises Refused with a sentence."""
    if day >= today():
        raise Refused("Only a day that is over can be signed.")
    if signed := of(merchant, day):
        return _repeated(signed, act)
    found = figures(merchant, day)
    if digest(found) != seen:
        raise Refused("The figures have changed while you looked. Look at them again, then sign.")
    note = act.reason.strip()[:LONGEST_NOTE]
    if not note and (found["differences"] or not found["books_agree"]):
        raise Refused("Something differs: write a note that says why you sign.")
    return _keep(merchant, day, found, act) or _repeated(signed_of(merchant, [day])[day], act)


def _keep(merchant: Merchant, day: date, found: Figures, act: Act) -> DailyClose | None:
    """None: somebody else was quicker."""
    row = {
        "merchant_id": merchant.id,
        "day": day,
        "figures": found,
        "note": act.reason.strip()[:LONGEST_NOTE],
        "staff_id": act.staff_id,
        "signed_at": clock.now(),
    }
    adding = insert(DailyClose).values(row).on_conflict_do_nothing().returning(DailyClose.id)
    close_id = db.session.scalar(adding)
    if close_id is None:
        return None
    close = db.session.get_one(DailyClose, close_id)
    told = {"day": day.isoformat(), "sha256": digest(found), "note": close.note}
    audit.record(close, "day.closed", actor=act.actor, **told)
    return close


def _repeated(close: DailyClose, act: Act) -> DailyClose:
    if close.staff_id != act.staff_id:
        raise Refused("Somebody else has signed this day already.")
    return close


def of(merchant: Merchant, day: date) -> DailyClose | None:
    return signed_of(merchant, [day]).get(day)


def signed_of(merchant: Merchant, days: Iterable[date]) -> dict[date, DailyClose]:
    mine = (DailyClose.merchant_id == merchant.id, DailyClose.day.in_(list(days)))
    return {close.day: close for close in db.session.scalars(select(DailyClose).where(*mine))}


def last_days(count: int) -> list[date]:
    """Those that can be signed, newest first."""
    return [today() - timedelta(days=back) for back in range(1, count + 1)]


def changes(close: DailyClose, now: Figures) -> list[Change]:
    """What came, moved or turned up since the day was signed."""
    names = sorted({*close.figures, *now} - {*OF_NOW})
    both = [(name, close.figures.get(name, 0), now.get(name, 0)) for name in names]
    return [Change(name, before, after) for name, before, after in both if before != after]
