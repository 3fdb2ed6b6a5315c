"""Staff ask a customer for money: what the open invoice says, under everybody's limits."""

import pytest
import time_machine
from sqlalchemy import select

from app.audit import AuditEvent
from app.billing import cancelling, plans
from app.billing.models import Invoice
from app.errors import MustWait, Refused
from app.extensions import db
from app.jobs import work
from app.payments import by_staff, charging
from app.payments.models import Payment
from app.staff.accounts import By
from tests import factories
from tests.payments.test_concurrency import at_once, count_of

ACTOR = "staff:7"


@pytest.fixture
def failed(plan):
    with time_machine.travel("2027-01-31T09:00:00Z", tick=False):
        payment, hook = factories.pending(plan)
        factories.deliver(hook, factories.failure())
        work.settle_inbox()
    with time_machine.travel("2027-01-31T10:00:00Z", tick=False):
        yield factories.fresh(payment.id)


def ask(subscription, attempt="attempt-staff"):
    payment = by_staff.ask(subscription, ACTOR, attempt)
    db.session.commit()
    return payment


def test_the_open_invoice_is_asked_for_as_it_is(plan, failed):
    """Also when the plan costs more by now: only the customer's own purchase changes that."""
    plans.reprice(plan, 900, By(ACTOR))
    db.session.commit()
    payment = ask(failed.invoice.subscription)
    assert payment.invoice_id == failed.invoice_id
    assert (payment.amount, payment.phone) == (500, factories.PHONE)
    made = select(AuditEvent.actor).where(
        AuditEvent.subject_type == "payment", AuditEvent.subject_id == payment.id
    )
    assert db.session.scalars(made).all() == [ACTOR]


def test_without_an_open_invoice_the_next_period_is_asked_for(plan):
    with time_machine.travel("2027-01-31T09:00:00Z", tick=False):
        first, hook = factories.pending(plan)
        factories.deliver(hook, factories.success())
        work.settle_inbox()
    with time_machine.travel("2027-01-31T10:00:00Z", tick=False):
        payment = ask(factories.fresh(first.id).invoice.subscription)
    assert payment.invoice_id != first.invoice_id
    issued = select(AuditEvent.actor).where(AuditEvent.action == "invoice.issued")
    assert db.session.scalars(issued.order_by(AuditEvent.id)).all() == ["customer", ACTOR]


def test_the_same_form_twice_is_one_request(failed):
    assert ask(failed.invoice.subscription).id == ask(failed.invoice.subscription).id
    assert count_of(Payment) == 2


def test_the_limits_of_a_phone_hold_for_staff(failed):
    ask(failed.invoice.subscription)
    with pytest.raises(MustWait):
        ask(failed.invoice.subscription, "attempt-other")
    db.session.rollback()
    assert count_of(Payment) == 2


@pytest.mark.parametrize("act", [cancelling.cancel, cancelling.end_with_period])
def test_what_is_cancelled_is_not_asked_for(plan, act):
    with time_machine.travel("2027-01-31T09:00:00Z", tick=False):
        payment, hook = factories.pending(plan)
        factories.deliver(hook, factories.success())
        work.settle_inbox()
        subscription = factories.fresh(payment.id).invoice.subscription
        act(by_staff.quiet(subscription), By(ACTOR, "x"))
        db.session.commit()
    with pytest.raises(Refused, match="It is cancelled"):
        ask(subscription)
    db.session.rollback()


def test_a_purchase_for_somebody_is_audited_as_staffs(plan):
    payer = charging.Payer(factories.PHONE, None, asked_by=ACTOR)
    payment = charging.buy(plan, payer, "attempt-1")
    db.session.commit()
    assert payment.address_index is None
    actors = select(AuditEvent.action, AuditEvent.actor).where(AuditEvent.subject_type != "plan")
    assert dict(db.session.execute(actors).all()) == {
        "subscription.opened": ACTOR,
        "invoice.issued": ACTOR,
        "payment.created": ACTOR,
    }


def test_many_requests_at_once_are_one(app, failed):
    subscription_id = failed.invoice.subscription_id
    model = type(failed.invoice.subscription)

    def press(n):
        try:
            return ask(db.session.get_one(model, subscription_id), f"press-{n}").id
        except MustWait:
            db.session.rollback()

    asked = [found for found in at_once(app, press, 8) if found]
    assert len(asked) == 1
    assert count_of(Invoice) == 1


def test_staff_and_the_customer_at_once_make_one_invoice_and_one_request(app, plan):
    with time_machine.travel("2027-01-31T09:00:00Z", tick=False):
        first, hook = factories.pending(plan)
        factories.deliver(hook, factories.success())
        work.settle_inbox()
    subscription = factories.fresh(first.id).invoice.subscription
    model, subscription_id, plan_id = type(subscription), subscription.id, plan.id

    def press(n):
        try:
            if n % 2:
                return ask(db.session.get_one(model, subscription_id), f"attempt-s{n}").id
            return factories.bought(db.session.get_one(type(plan), plan_id), address=None).id
        except MustWait:
            db.session.rollback()

    with time_machine.travel("2027-01-31T10:00:00Z", tick=False):
        asked = [found for found in at_once(app, press, 8) if found]
    assert len(asked) == 1
    assert count_of(Invoice) == 2
