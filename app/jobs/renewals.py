"""The renewal run, step by step, each in a commit of its own (app/payments/renewing.py says why)."""

from collections.abc import Iterator
from contextlib import suppress

from app import direct
from app.errors import MalipoError
from app.extensions import db
from app.jobs import bell
from app.logs import log
from app.merchants import Merchant
from app.payments import plain_renewal, renewing
from app.payments.plain_purchase import Odd
from app.payments.plain_renewal import Queued
from app.payments.renewal_statements import Due
from app.payments.renewing import Counted, Step


def open_all(merchant: Merchant, days: int) -> Iterator[Step]:
    """Opens and queues whatever is due at this merchant's; what each step has done."""
    due, place = Due.within(merchant.id, days), None
    while True:
        step = renewing.open_some(merchant, due, place)
        db.session.commit()
        yield step
        if step.place is None:
            return
        place = step.place


def due(merchant: Merchant, days: int) -> Counted:
    found = renewing.counted(Due.within(merchant.id, days))
    db.session.rollback()
    return found


def ask_some() -> int:
    """Turns what is queued, and whose turn it is, into payments to be sent. How many."""
    chosen = renewing.waiting()
    found = list(plain_renewal.queued(chosen)) if chosen else []
    db.session.commit()
    asked = sum(map(_ask, found))
    if asked:
        bell.ring(bell.SEND)
    return asked


def _ask(one: Queued) -> bool:
    try:
        return _plainly(one) or _by_object(one.id)
    except Exception as why:  # noqa: BLE001 - whatever it was, the others and the sweep go on
        if not isinstance(why, MalipoError):
            log().exception("renewal not asked for", renewal=one.id)
        db.session.rollback()
        renewing.put_off(one.id, why)
        db.session.commit()
        return False


def _plainly(one: Queued) -> bool:
    """False: something is odd, and nothing was done."""
    with suppress(Odd):
        with direct.transaction(one.locks) as rows:
            plain_renewal.ask(rows, one)
        return True
    return False


def _by_object(renewal_id: int) -> bool:
    asked = renewing.ask(renewal_id)
    db.session.commit()
    return asked
