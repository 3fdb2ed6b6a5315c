"""A purchase as plain as nearly all are, in a few statements and one commit, without the ORM.

Plain: nothing forbids it, M-PESA is well, and the person's subscription, if there is one, goes on and
owes nothing, or today's price. Whatever is odd in any way is left, with nothing done, to
charging.buy, which does the same by object, and says why not. Known and unknown people go the same
way, so that a stranger learns nothing from how long it takes (C09): an open invoice costs two
statements more. Only who has cancelled, or owes another price, goes the long way.

The locks are charging.buy's, and in its order: attempt, phone, address, the seller's bucket, the open
invoice, the person; the audit's head last. What is read under the phone's lock stays so until commit,
because whoever sells to a person, cancels, erases or renumbers them holds it (by_staff.py,
erasing.py); the invoice may be paid or asked for by another phone, and is looked at under its own.
A crash before the commit leaves nothing; after it, what charging.py says.
"""

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from app import audit, clock, crypto, direct
from app.billing import invoices, subscriptions
from app.payments import limits
from app.payments.charging import Payer
from app.payments.offers import Offer
from app.payments.purchase_statements import (
    ASK,
    FACTS,
    FREE,
    LOCK,
    TIMES,
    WRITE,
    WRITE_AGAIN,
)

MINUTES, DAY = limits.PHONE_WINDOWS  # the first is as long as the gaps reach back


class Odd(Exception):
    """Not plain: what was begun is to be taken back, and done by charging.buy."""


@dataclass(frozen=True)
class Made:
    """The new payment's token, and the ids of what is new."""

    token: str
    subscription: int | None
    invoice: int | None
    payment: int


def locks(offer: Offer, payer: Payer, attempt: str) -> list[int]:
    """To be held before `buy`, in this order."""
    ask = limits.Ask(offer.seller.id, payer.phone_index, offer.price, payer.address_index)
    keys = (limits.attempt_key(offer.seller.id, attempt), *limits.counted(ask))
    return [limits.number(key) for key in keys]


def buy(rows: direct.Transaction, offer: Offer, payer: Payer, attempt: str) -> str:
    """The new payment's token. Raises Odd. The caller has the locks, and commits."""
    made = write(rows, offer, payer, attempt)
    tell(rows, offer, payer, made)
    return made.token


def write(
    rows: direct.Transaction, offer: Offer, payer: Payer, attempt: str, only: int | None = None
) -> Made:
    """As `buy`, and nobody told. `only`: for this open invoice, and no other. Raises Odd."""
    now = clock.now()
    common: dict[str, object] = {
        "merchant_id": offer.seller.id,
        "plan_id": offer.plan_id,
        "phone_index": payer.phone_index,
        "address_index": payer.address_index,
        "attempt": attempt,
    }
    found = rows.one(ASK, **common, **_times(now), number=offer.seller.number)
    if found is None or not found.plain or not _rested(found.lately or [], offer.price, now):
        raise Odd
    if only is not None and found.owed != only:
        raise Odd
    if found.owed is not None:
        _meet(rows, found.owed, offer, now)
    token = crypto.new_token()
    new = {**common, **payer.facts(token), **_person(payer), **_debt(offer), "now": now}
    statement = WRITE if found.owed is None else WRITE_AGAIN
    made = rows.one(statement, **new, running=found.running, owed=found.owed)
    if made is None:  # the seller's bucket is empty
        raise Odd
    return Made(token, made.subscription, made.invoice, made.payment)


def tell(rows: direct.Transaction, offer: Offer, payer: Payer, made: Made) -> None:
    """Last of all: the end of the seller's chain is then locked."""
    audit.extend(rows, {offer.seller.id: _events(offer, payer.asked_by, made)})


def _times(now: datetime) -> dict[str, datetime]:
    return {
        "lately_since": now - MINUTES.length,
        "since": now - DAY.length,
        "address_since": now - limits.ADDRESS_WINDOW.length,
    }


def _rested(lately: list[list[Any]], price: int, now: datetime) -> bool:
    """Whether what the phone was asked in the last minutes lets it be asked again."""
    return len(lately) < MINUTES.most and all(
        limits.until(_payment(each), price) <= now for each in lately
    )


def _payment(told: list[Any]) -> SimpleNamespace:
    """As limits.until looks at it, from JSON."""
    facts, times = told[: len(FACTS)], told[len(FACTS) :]
    at = [datetime.fromisoformat(time) if time else None for time in times]
    return SimpleNamespace(**dict(zip((*FACTS, *TIMES), (*facts, *at), strict=True)))


def _meet(rows: direct.Transaction, owed: int, offer: Offer, now: datetime) -> None:
    """Locks the open invoice, and then looks whether it may be asked for. Raises Odd."""
    locked = rows.one(LOCK, owed=owed, bucket=limits.bucket(offer.seller.id), now=now)
    if locked is None or locked.amount != offer.price:
        raise Odd
    found = rows.one(FREE, owed=owed, since=now - limits.INVOICE_WINDOW.length)
    if found is None or not found.free:
        raise Odd


def _person(payer: Payer) -> dict[str, object]:
    token = crypto.new_token()
    return {
        "person_token": token,
        "person_sealed": crypto.seal(payer.phone.encode(), subscriptions.phone_place(token)),
        "language": payer.language,
        "subscription_token": crypto.new_token(),
    }


def _debt(offer: Offer) -> dict[str, object]:
    return {
        "bucket": limits.bucket(offer.seller.id),
        "reference": invoices.new_reference(offer.seller.name),
        "amount": offer.price,
    }


def _events(offer: Offer, actor: str, made: Made) -> list[audit.Pending]:
    told = (
        ("subscription.opened", made.subscription, {"plan": offer.code}),
        ("invoice.issued", made.invoice, {"amount": offer.price}),
        ("payment.created", made.payment, {"amount": offer.price}),
    )
    return [
        audit.noted(
            audit.Written(action.partition(".")[0], row_id, offer.seller.id), action, actor, details
        )
        for action, row_id, details in told
        if row_id is not None
    ]
