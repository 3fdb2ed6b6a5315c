"""Cancelled now, or with the paid time, and back again. Paid time stays, and no money is lost."""

from datetime import timedelta
from itertools import count

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.billing import cancelling
from app.billing.models import Invoice, Subscription
from app.errors import MalipoError, Refused
from app.extensions import db
from app.jobs import work
from app.payments import booking, by_staff, charging, customer
from app.payments.models import Payment, Receipt
from app.staff.accounts import By
from tests import factories
from tests.payments.test_concurrency import at_once, count_of

AMINA = By("staff:7", "moves away")
number = count(1)


@pytest.fixture(autouse=True)
def without_limits(set_setting):
    set_setting(prompt_limits_enabled=False)


def paid(sold, phone=factories.PHONE):
    """Bought, and paid at once. Answers the subscription."""
    n = next(number)
    payment, hook = factories.pending(sold, phone, checkout_id=f"ws_CO_{n}")
    pay(hook, n, sold.price)
    return factories.fresh(payment.id).invoice.subscription


def pay(hook, n, amount=500):
    factories.deliver(hook, factories.success(amount, f"TKL{n:07}", f"ws_CO_{n}"))
    work.settle_inbox()


def failed(sold):
    """Bought, and not paid: the invoice is open. Answers the payment and its hook."""
    n = next(number)
    payment, hook = factories.pending(sold, checkout_id=f"ws_CO_{n}")
    factories.deliver(hook, factories.failure(checkout_id=f"ws_CO_{n}"))
    work.settle_inbox()
    return factories.fresh(payment.id), hook, n


def give_up():
    """What was not sent in time is not on a phone, and never will be."""
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        charging.give_up_unsent()
        db.session.commit()


def cancel(subscription, act=cancelling.cancel):
    act(by_staff.quiet(subscription), AMINA)
    db.session.commit()


def undo(subscription):
    cancelling.undo(by_staff.held(subscription), AMINA)
    db.session.commit()


def events():
    query = select(AuditEvent).where(AuditEvent.actor == "staff:7").order_by(AuditEvent.id)
    return [(event.action, event.details) for event in db.session.scalars(query)]


def test_cancelled_now_nothing_is_owed_and_the_paid_time_stays(plan):
    subscription = paid(plan)
    until = subscription.paid_through
    factories.bought(plan)
    give_up()
    cancel(subscription)
    assert subscription.cancelled_at is not None
    assert subscription.paid_through == until
    assert subscription.active
    assert not db.session.scalar(select(Invoice).where(Invoice.paid_at.is_(None))).open
    assert events() == [
        ("invoice.voided", {"amount": 500}),
        ("subscription.cancelled", {"reason": "moves away"}),
    ]


def test_a_second_cancellation_is_no_event(plan):
    subscription = paid(plan)
    cancel(subscription)
    first = subscription.cancelled_at
    cancel(subscription)
    assert subscription.cancelled_at == first
    assert len(events()) == 1


def test_to_buy_again_after_a_cancellation_is_another_subscription(plan):
    first = paid(plan)
    cancel(first)
    second = paid(plan)
    assert second.id != first.id
    assert second.subscriber_id == first.subscriber_id
    assert second.paid_through < first.paid_through + timedelta(minutes=1)  # it begins at once


def test_while_a_request_is_on_the_phone_nothing_is_cancelled(plan):
    payment, hook = factories.pending(plan, checkout_id="ws_CO_1000")
    subscription = payment.invoice.subscription
    for act in (cancelling.cancel, cancelling.end_with_period):
        with pytest.raises(Refused, match="A request is on the phone now"):
            cancel(subscription, act)
        db.session.rollback()
    pay(hook, 1000)
    cancel(subscription)
    assert subscription.active


def test_a_request_on_another_phone_counts_too(plan):
    """Also one for an invoice that a new price has made void meanwhile."""
    first, _, _ = failed(plan)
    customer.again(customer.payment(first.token), "254722000111", None)
    db.session.commit()
    with pytest.raises(Refused, match="on the phone now"):
        cancel(first.invoice.subscription)
    db.session.rollback()


def test_late_money_for_a_void_invoice_is_on_the_balance(plan):
    payment, hook, n = failed(plan)
    subscription = payment.invoice.subscription
    cancel(subscription)
    pay(hook, n)
    assert factories.fresh(payment.id).status == "paid"
    assert booking.balance(subscription.subscriber_id) == 500
    assert subscription.paid_through is None


def test_the_customers_old_link_asks_for_nothing_any_more(plan):
    payment, _, _ = failed(plan)
    cancel(payment.invoice.subscription)
    with pytest.raises(Refused, match="This invoice is closed"):
        customer.again(customer.payment(payment.token), None, None)
    db.session.rollback()


def test_a_cancellation_can_be_undone(plan):
    subscription = paid(plan)
    until = subscription.paid_through
    failed(plan)
    cancel(subscription)
    undo(subscription)
    assert (subscription.cancelled_at, subscription.ends_at) == (None, None)
    assert events()[-1] == ("subscription.revived", {})
    void = db.session.scalar(select(Invoice).where(Invoice.paid_at.is_(None)))
    assert void.voided_at is not None  # for good
    assert paid(plan).id == subscription.id
    assert subscription.paid_through > until
    undo(subscription)
    assert len(events()) == 3  # nothing was there to undo


def test_whoever_has_subscribed_again_keeps_that_one(plan):
    first = paid(plan)
    cancel(first)
    paid(plan)
    with pytest.raises(Refused, match="subscribed to this plan again since"):
        undo(first)
    db.session.rollback()
    assert first.cancelled_at is not None


def test_it_ends_with_the_paid_time(plan):
    subscription = paid(plan)
    failed(plan)
    cancel(subscription, cancelling.end_with_period)
    assert subscription.ends_at == subscription.paid_through
    assert subscription.cancelled_at is None
    assert subscription.active
    until = subscription.paid_through.isoformat()
    assert events() == [
        ("invoice.voided", {"amount": 500}),
        ("subscription.ending", {"until": until, "reason": "moves away"}),
    ]
    cancel(subscription, cancelling.end_with_period)
    assert len(events()) == 2


def test_who_pays_again_stays(plan):
    subscription = paid(plan)
    until = subscription.paid_through
    cancel(subscription, cancelling.end_with_period)
    assert paid(plan).id == subscription.id
    assert subscription.ends_at is None
    assert subscription.paid_through > until
    kept = select(AuditEvent.actor).where(AuditEvent.action == "subscription.kept")
    assert db.session.scalars(kept).all() == ["customer"]


def test_who_pays_again_after_the_end_goes_on_in_the_same_subscription(plan):
    subscription = paid(plan)
    cancel(subscription, cancelling.end_with_period)
    with time_machine.travel(subscription.ends_at + timedelta(days=3)):
        assert paid(plan).id == subscription.id
        assert subscription.active


def test_the_end_can_be_taken_back(plan):
    subscription = paid(plan)
    cancel(subscription, cancelling.end_with_period)
    undo(subscription)
    assert subscription.ends_at is None
    assert events()[-1] == ("subscription.kept", {})


def test_what_ends_can_be_cancelled_now(plan):
    subscription = paid(plan)
    cancel(subscription, cancelling.end_with_period)
    cancel(subscription)
    assert subscription.cancelled_at is not None
    assert subscription.ends_at is None


def test_there_must_be_paid_time_to_wait_for(plan):
    payment, _, _ = failed(plan)
    with pytest.raises(Refused, match="no paid time left"):
        cancel(payment.invoice.subscription, cancelling.end_with_period)
    db.session.rollback()
    subscription = paid(plan)
    with (
        time_machine.travel(subscription.paid_through),
        pytest.raises(Refused, match="no paid time left"),
    ):
        cancel(subscription, cancelling.end_with_period)
    db.session.rollback()
    cancel(subscription)
    with pytest.raises(Refused, match="cancelled already"):
        cancel(subscription, cancelling.end_with_period)
    db.session.rollback()


def race(app, subscription_id, other, act=cancelling.cancel):
    """A cancellation against something else. Answers what both said."""

    def run(who):
        try:
            if who:
                other()
            else:
                cancel(db.session.get_one(Subscription, subscription_id), act)
            db.session.commit()
        except MalipoError as refusal:
            db.session.rollback()
            return str(refusal)

    said = at_once(app, run, 2)
    db.session.expire_all()
    return said


@pytest.mark.parametrize("act", [cancelling.cancel, cancelling.end_with_period])
def test_money_that_arrives_while_it_is_cancelled_is_never_lost(app, plan, act):
    """Paid and then cancelled, or void and then on the balance: the books are checked afterwards."""
    for n in range(8):
        phone = f"2547220001{n:02}"
        subscription = paid(plan, phone)
        m = next(number)
        payment, hook = factories.pending(plan, phone, checkout_id=f"ws_CO_{m}")
        factories.deliver(hook, factories.failure(checkout_id=f"ws_CO_{m}"))
        work.settle_inbox()
        factories.deliver(hook, factories.success(500, f"TKL{m:07}", f"ws_CO_{m}"))
        before = subscription.paid_through

        said = race(app, subscription.id, work.settle_inbox, act)
        work.settle_inbox()
        assert said == [None, None]
        assert factories.fresh(payment.id).status == "paid"
        invoice = payment.invoice
        on_balance = booking.balance(subscription.subscriber_id)
        assert (invoice.paid_at is None) == (invoice.voided_at is not None) == (on_balance == 500)
        assert (subscription.paid_through == before) == (on_balance == 500)
        assert subscription.ends_at in (None, subscription.paid_through)
    assert count_of(Receipt) == 16


def test_of_a_buyer_and_a_canceller_one_is_first(app, plan):
    """Never an open invoice, or a request, for what is cancelled."""
    for n in range(8):
        phone = f"2547220001{n:02}"
        subscription = paid(plan, phone)
        plan_id, attempt = plan.id, f"race-{n}"

        def buy(plan_id=plan_id, phone=phone, attempt=attempt):
            sold = db.session.get_one(type(plan), plan_id)
            charging.buy(sold, charging.Payer(phone, None), attempt)

        said = race(app, subscription.id, buy)
        bought = db.session.scalars(select(Payment).where(Payment.attempt == attempt)).one()
        of_this = bought.invoice.subscription_id == subscription.id
        assert of_this == (subscription.cancelled_at is None) == (said[0] is not None)
        assert bought.invoice.open
        assert bought.invoice.subscription.cancelled_at is None
        give_up()


def test_of_a_new_try_on_another_phone_and_a_canceller_one_is_first(app, plan):
    for n in range(6):
        payment, _, _ = failed(plan)
        token, subscription = payment.token, payment.invoice.subscription
        phone = f"2547220002{n:02}"

        def again(token=token, phone=phone):
            customer.again(customer.payment(token), phone, None)

        said = race(app, subscription.id, again)
        assert [text is None for text in said] in ([True, False], [False, True])
        live = select(Payment).where(Payment.status == "created")
        tried = db.session.scalar(live.where(Payment.retry_of_id == payment.id))
        assert (tried is None) == (subscription.cancelled_at is not None)
        give_up()
        undo(subscription)
