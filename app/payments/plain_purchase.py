"""A purchase as plain as nearly all are, in four statements and one commit, without the ORM.

Plain: this phone has asked nobody for anything since yesterday, its subscription owes nothing and
goes on, its address and its seller have room, M-PESA is well. Then no rule of limits.py or gate.py
can say no, and what is to be written is known. Whatever is odd in any way is left, with nothing
done, to charging.buy, which does the same by object, and says why not.

The locks are charging.buy's, and in its order: attempt, phone, address, the seller's bucket, the
person; the audit's head last. What is read under the phone's lock stays so until commit, because
whoever sells to a person, cancels, erases or renumbers them holds it (by_staff.py, erasing.py).
A crash before the commit leaves nothing; after it, what charging.py says.
"""

from datetime import datetime
from typing import Any

from app import audit, clock, crypto, direct
from app.billing import invoices, subscriptions
from app.payments import limits
from app.payments.charging import Payer
from app.payments.offers import Offer
from app.payments.purchase_statements import ASK, WRITE

LONGEST = max(window.length for window in limits.PHONE_WINDOWS)  # longer than any gap


def locks(offer: Offer, payer: Payer, attempt: str) -> list[int]:
    """To be held before `buy`, in this order."""
    ask = limits.Ask(offer.seller.id, payer.phone_index, offer.price, payer.address_index)
    keys = (limits.attempt_key(offer.seller.id, attempt), *limits.counted(ask))
    return [limits.number(key) for key in keys]


def buy(rows: direct.Transaction, offer: Offer, payer: Payer, attempt: str) -> str | None:
    """The new payment's token; None: it is not plain, and nothing was written. The caller commits."""
    now = clock.now()
    common = {
        "merchant_id": offer.seller.id,
        "plan_id": offer.plan_id,
        "phone_index": payer.phone_index,
        "address_index": payer.address_index,
        "attempt": attempt,
    }
    found = rows.one(ASK, **common, **_times(now), number=offer.seller.number)
    if found is None or not found.plain:
        return None
    token = crypto.new_token()
    new = {**common, **payer.facts(token), **_person(payer), "running": found.running, "now": now}
    made = rows.one(WRITE, **new, **_debt(offer))
    if made is None:  # the seller's bucket is empty
        return None
    audit.extend(rows, {offer.seller.id: _events(offer, payer.asked_by, made)})
    return token


def _times(now: datetime) -> dict[str, datetime]:
    return {"since": now - LONGEST, "address_since": now - limits.ADDRESS_WINDOW.length}


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


def _events(offer: Offer, actor: str, made: Any) -> list[audit.Pending]:
    def event(action: str, row_id: int, **details: object) -> audit.Pending:
        row = audit.Written(action.partition(".")[0], row_id, offer.seller.id)
        return audit.noted(row, action, actor, details)

    opened = made.subscription is not None
    return [
        *([event("subscription.opened", made.subscription, plan=offer.code)] if opened else []),
        event("invoice.issued", made.invoice, amount=offer.price),
        event("payment.created", made.payment, amount=offer.price),
    ]
