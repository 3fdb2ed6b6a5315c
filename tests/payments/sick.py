"""Many customers of one number, each with a phone of their own, and what M-PESA does with them."""

from datetime import timedelta
from itertools import count

from app import clock
from app.daraja import Reason, Refused
from app.extensions import db
from app.jobs import work
from app.payments import charging, outages
from app.payments.outage_models import Outage
from tests import factories

phone = count(254_711_000_000)
NUMBER = "174379"


def bought(plan, *, same=None, **payer):
    """By somebody new, or by the one with the `same` phone: created, not sent."""
    n = same or next(phone)
    buyer = charging.Payer(str(n), f"10.{n >> 8 & 255}.{n & 255}.1", **payer)
    payment = charging.buy(plan, buyer, f"attempt-{next(factories.number)}")
    db.session.commit()
    return payment


def taken():
    """What the sender takes next."""
    claimed = charging.claim()
    db.session.commit()
    return claimed and claimed.payment_id


def sent(plan, **payer):
    payment = bought(plan, **payer)
    assert taken() == payment.id
    return payment


def busy(plan, **payer):
    payment = sent(plan, **payer)
    charging.refused(payment.id, Refused(Reason.BUSY, "500.003.02", "busy"))
    db.session.commit()
    return payment


def hung(plan):
    """No answer to the push."""
    payment = sent(plan)
    charging.unanswered(payment.id)
    db.session.commit()
    return payment


def accepted(plan, **payer):
    payment = bought(plan, **payer)
    hook = factories.sent(payment)
    factories.accepted(payment, f"ws_CO_{payment.id}")
    return payment, hook


def ending(code):
    """Accepted, and then this message of Safaricom's."""

    def end(plan, **payer):
        payment, hook = accepted(plan, **payer)
        checkout = f"ws_CO_{payment.id}"
        body = factories.success(receipt=f"TKB{payment.id:07}", checkout_id=checkout)
        factories.deliver(hook, body if code == 0 else factories.failure(code, checkout))
        work.settle_inbox()
        return payment

    return end


def silent(plan):
    """Accepted two minutes ago, and not a word since."""
    payment, _ = accepted(plan)
    payment.sending_at -= timedelta(seconds=121)
    payment.accepted_at -= timedelta(seconds=121)
    db.session.commit()
    return payment


def looked():
    """Whether an outage began (True) or ended (False) just now; None: neither."""
    changed = outages.look()
    db.session.commit()
    assert len(changed) <= 1
    return changed[0].closed_at is None if changed else None


def outage(number=NUMBER, **facts):
    """One that stands, of half a minute ago."""
    now = clock.now()
    known = {
        "by_hand": False,
        "opened_by": "scheduler",
        "why": "5 of 5 phones: M-PESA said busy (5)",
    }
    times = {"opened_at": now - timedelta(seconds=30), "look_at": now}
    made = Outage(shortcode=number, **known | times | facts)
    db.session.add(made)
    db.session.commit()
    return made
