"""Payments that went one way or another, at a time of our own."""

from datetime import timedelta
from itertools import count

import time_machine

from app import clock, merchants
from app.daraja import Answer, Verdict
from app.extensions import db
from app.jobs import work
from app.payments import customer, reconciliation
from tests import factories

NOON = "2026-11-21T09:00:00Z"  # in Nairobi: a Saturday
phone = count(254_713_000_000)


def ours():
    return merchants.named("default").id


def attempt(plan, body=None, after=20):
    """One payment of a phone of its own; Safaricom's message comes `after` seconds."""
    number = next(factories.number)
    payment, hook = factories.pending(plan, str(next(phone)), f"ws_CO_{number}")
    if body is not None:
        with time_machine.travel(clock.now() + timedelta(seconds=after), tick=False):
            factories.deliver(hook, body(f"ws_CO_{number}", number))
            work.settle_inbox()
    return payment


def paid(checkout_id, number):
    return factories.success(receipt=f"TKA{number:07}", checkout_id=checkout_id)


def failing(code):
    return lambda checkout_id, _: factories.failure(code, checkout_id)


def again(payment):
    """Another try, and the hook of its message."""
    new, _ = customer.again(payment, None, "10.0.0.1")
    db.session.commit()
    hook = factories.sent(new)
    factories.accepted(new, "ws_CO_again")
    return new, hook


def found_by_asking(payment):
    reconciliation.answered(payment.id, Answer(Verdict.PAID, "0"))
    db.session.commit()


def ago(**length):
    return time_machine.travel(clock.now() - timedelta(**length), tick=False)
