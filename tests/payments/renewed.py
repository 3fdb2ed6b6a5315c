"""People whose paid time is over, or nearly, and the run that asks them."""

from datetime import timedelta
from itertools import count

import time_machine
from sqlalchemy import select

from app import clock, merchants
from app.billing.models import Invoice
from app.extensions import db
from app.jobs import renewals, work
from app.payments.models import Payment
from app.payments.renewal_models import Renewal
from tests import factories

NOON = "2027-01-31T09:00:00Z"  # in Nairobi
MONTH = timedelta(days=31)
phone = count(254_713_000_000)


def subscribed(plan, *, ends_in=timedelta(), phone_=None):
    """Somebody new who has paid for a month that ends so much later than now."""
    number = phone_ or str(next(phone))
    at = clock.now() + ends_in - MONTH
    with time_machine.travel(at, tick=False):
        checkout = f"ws_CO_{next(factories.number)}"
        payment, hook = factories.pending(plan, number, checkout_id=checkout)
        receipt = f"TKR{next(factories.number):07}"
        body = factories.success(plan.price, receipt=receipt, checkout_id=checkout)
        factories.deliver(hook, body)
        work.settle_inbox()
    subscription = factories.fresh(payment.id).invoice.subscription
    assert subscription.paid_through == clock.now() + ends_in
    return subscription


def run(days=1, slug="default"):
    """What a run has done: invoices opened, prompts queued, phones that were busy."""
    steps = list(renewals.open_all(merchants.named(slug), days))
    return tuple(
        sum(getattr(one, name) for one in steps) for name in ("invoices", "queued", "busy")
    )


def pays(subscription):
    """By themselves, at the form: for what is open."""
    payment = factories.bought(subscription.plan, subscription.subscriber.phone, address=None)
    hook = factories.sent(payment)
    checkout = f"ws_CO_{next(factories.number)}"
    factories.accepted(payment, checkout)
    receipt = f"TKR{next(factories.number):07}"
    factories.deliver(
        hook, factories.success(payment.amount, receipt=receipt, checkout_id=checkout)
    )
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    return payment


def queue():
    db.session.expire_all()
    return db.session.scalars(select(Renewal).order_by(Renewal.id)).all()


def outcomes():
    return [one.outcome for one in queue()]


def invoices(subscription):
    mine = select(Invoice).where(Invoice.subscription_id == subscription.id)
    return db.session.scalars(mine.order_by(Invoice.id)).all()


def asked():
    """The payments that renewals made, in their order."""
    ids = select(Renewal.payment_id).where(Renewal.payment_id.is_not(None))
    return db.session.scalars(select(Payment).where(Payment.id.in_(ids)).order_by(Payment.id)).all()
