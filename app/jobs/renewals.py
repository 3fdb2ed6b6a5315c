"""The renewal run, step by step, each in a commit of its own (app/payments/renewing.py says why)."""

from collections.abc import Iterator

from app.errors import MalipoError
from app.extensions import db
from app.jobs import bell
from app.logs import log
from app.merchants import Merchant
from app.payments import renewing
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
    db.session.commit()
    asked = sum(map(_ask, chosen))
    if asked:
        bell.ring(bell.SEND)
    return asked


def _ask(renewal_id: int) -> bool:
    try:
        asked = renewing.ask(renewal_id)
        db.session.commit()
    except Exception as why:  # noqa: BLE001 - whatever it was, the others and the sweep go on
        if not isinstance(why, MalipoError):
            log().exception("renewal not asked for", renewal=renewal_id)
        db.session.rollback()
        renewing.put_off(renewal_id, why)
        db.session.commit()
        return False
    return asked
