"""What is queued is asked for by day, at a pace, under everybody's rules, and once."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from app import audit, clock
from app.audit import AuditEvent
from app.billing import cancelling, plans
from app.errors import MustWait
from app.extensions import db
from app.jobs import renewals, sweep, work
from app.payments import buckets, by_staff, charging, gate, limits, opt_out, outages, renewing
from app.payments.models import Payment
from app.privacy import erasing
from app.staff.accounts import By
from tests import factories
from tests.jobs.test_sweep import PUSH, YES
from tests.payments import renewed, sick
from tests.payments.renewed import asked, invoices, outcomes, queue, run, subscribed
from tests.payments.test_concurrency import at_once, count_of

STAFF = By("staff:7", "they asked")
MINUTES = timedelta(minutes=1)

pytestmark = pytest.mark.usefixtures("no_redis")


@pytest.fixture(autouse=True)
def noon(app):
    with time_machine.travel(renewed.NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def mine(plan):
    """A subscription whose next invoice waits to be asked for."""
    found = subscribed(plan)
    assert run() == (1, 1, 0)
    return found


def test_what_waits_becomes_a_payment_like_any_other(plan, mine):
    assert renewals.ask_some() == 1
    [payment], [row] = asked(), queue()
    assert (payment.invoice_id, payment.amount, payment.status) == (row.invoice_id, 500, "created")
    assert (payment.phone, payment.address_index) == (mine.subscriber.phone, None)
    assert (row.payment_id, row.outcome, row.done_at) == (payment.id, "asked", clock.now())
    told = select(AuditEvent.action).where(AuditEvent.actor == renewing.ACTOR)
    assert db.session.scalars(told.order_by(AuditEvent.seq)).all() == [
        "invoice.issued",
        "payment.created",
    ]
    assert audit.verify(plan.merchant_id) == []
    assert renewals.ask_some() == 0


def test_the_sweep_asks_and_sends_and_who_pays_has_another_month(plan, mine, safaricom):
    safaricom.post(PUSH, json=YES)
    before = mine.paid_through
    sweep.sweep()
    sweep.finish()
    [payment] = asked()
    assert factories.fresh(payment.id).status == "pending"
    [push] = [call for call in safaricom.calls if call.request.url == PUSH]
    [answered] = {one for one in push.request.body.split(b'"') if b"/hooks/v1/d/" in one}
    hook = answered.decode().rsplit("/", 1)[1]
    factories.deliver(hook, factories.success(receipt="TKR9999999", checkout_id="ws_CO_9"))
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    assert payment.invoice.subscription.paid_through > before + timedelta(days=27)


@pytest.mark.parametrize(
    ("at", "count"),
    [("04:59:59", 0), ("05:00:00", 1), ("16:59:59", 1), ("17:00:00", 0), ("23:00:00", 0)],
)
def test_nobody_is_asked_at_night(mine, noon, at, count):
    """Times in UTC; Nairobi is three hours ahead."""
    noon.move_to(f"2027-02-01T{at}Z", tick=False)
    assert renewals.ask_some() == count


def many(plan, count):
    for _ in range(count):
        subscribed(plan)
    assert run() == (count, count, 0)


def test_the_pace_is_even_and_the_oldest_come_first(plan, noon, monkeypatch):
    monkeypatch.setattr(renewing, "PACE", buckets.Rate(capacity=4, per_second=2))
    many(plan, 9)
    assert renewals.ask_some() == 4
    assert renewals.ask_some() == 0
    noon.shift(1)
    assert renewals.ask_some() == 2
    noon.shift(600)
    sent_or_not = [one.outcome for one in queue()]
    assert sent_or_not == ["asked"] * 6 + [None] * 3
    assert renewals.ask_some() == 3


def test_customers_who_wait_go_first(plan, mine):
    for n in range(renewing.BEHIND):
        factories.bought(plan, f"2547220000{n:02}", address=f"10.1.0.{n}")
    assert renewals.ask_some() == 0
    assert outcomes() == [None]
    for _ in range(2):
        charging.claim()
    db.session.commit()
    assert renewals.ask_some() == 1


def test_while_m_pesa_is_sick_only_those_of_that_number_wait(plan, mine, noon):
    duka = factories.plan(factories.merchant(), code="gold", price=200)
    other = subscribed(duka)
    run(slug="duka")
    outage = sick.outage()
    assert renewals.ask_some() == 1
    assert [one.invoice.subscription_id for one in asked()] == [other.id]
    assert outcomes() == [None, "asked"]
    outage.closed_at, outage.closed_by = clock.now(), "scheduler"
    db.session.commit()
    assert renewals.ask_some() == 1


def test_an_outage_of_this_moment_is_no_end(plan, mine, noon):
    [renewal_id] = renewing.waiting()
    outages.pause(plan.merchant.number, outages.Pause(timedelta(minutes=5), "maintenance", "x"))
    db.session.commit()
    with pytest.raises(gate.Held) as held:
        renewing.ask(renewal_id)
    db.session.rollback()
    renewing.put_off(renewal_id, held.value)
    db.session.commit()
    assert outcomes() == [None]
    assert queue()[0].ask_after == clock.now() + renewing.REST


def later(noon):
    """Nothing is decided; in ten minutes it is looked at again."""
    assert renewals.ask_some() == 0
    assert outcomes() == [None]
    assert renewals.ask_some() == 0
    noon.shift(renewing.REST)


def test_a_phone_that_is_asked_by_somebody_else_is_asked_later(mine, noon):
    gold = factories.plan(factories.merchant(), code="gold")
    other = factories.bought(gold, mine.subscriber.phone, address=None)
    later(noon)
    charging.give_up_unsent()
    db.session.commit()
    assert factories.fresh(other.id).status == "failed"
    assert renewals.ask_some() == 1


def test_who_has_two_plans_is_asked_for_both_one_after_the_other(plan, noon):
    one = subscribed(plan)
    phone = one.subscriber.phone
    subscribed(factories.plan(code="gold"), phone_=phone, ends_in=timedelta(hours=1))
    assert run() == (2, 2, 0)
    assert renewals.ask_some() == 1
    assert outcomes() == ["asked", None]
    charging.give_up_unsent()
    noon.shift(renewing.REST)
    charging.give_up_unsent()
    db.session.commit()
    assert renewals.ask_some() == 1
    assert outcomes() == ["asked", "asked"]


def test_who_may_have_paid_is_not_asked_meanwhile(plan, mine, noon):
    payment = factories.bought(plan, mine.subscriber.phone, address=None)
    factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    later(noon)
    later(noon)
    assert count_of(Payment) == 2


def test_a_seller_s_own_limit_is_no_end(plan, mine, noon):
    buckets.drain(limits.bucket(plan.merchant_id), limits.merchants_rate(), seconds=5)
    db.session.commit()
    later(noon)
    assert renewals.ask_some() == 1


def wants_no_more(mine):
    opt_out.add(mine.subscriber.phone)


def cancels(mine):
    cancelling.cancel(by_staff.quiet(mine), STAFF)


def goes(mine):
    erasing.erase(mine.merchant_id, mine.subscriber.phone, STAFF)


def pays(mine):
    renewed.pays(mine)


def buys_at_a_new_price(mine):
    plans.reprice(mine.plan, 900, STAFF)
    db.session.commit()
    factories.bought(mine.plan, mine.subscriber.phone, address=None)


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (wants_no_more, "refused: opted out"),
        (cancels, "cancelled"),
        (goes, "erased"),
        (pays, "paid already"),
        (buys_at_a_new_price, "void"),
    ],
)
def test_what_has_changed_since_ends_it(mine, act, outcome):
    act(mine)
    db.session.commit()
    before = count_of(Payment)
    assert renewals.ask_some() == 0
    [row] = queue()
    assert (row.outcome, row.done_at, row.payment_id) == (outcome, clock.now(), None)
    assert count_of(Payment) == before
    assert renewals.ask_some() == 0


def test_who_lets_it_end_is_not_asked(plan, noon):
    mine = subscribed(plan, ends_in=timedelta(hours=5))
    run()
    cancelling.end_with_period(by_staff.quiet(mine), STAFF)
    db.session.commit()
    assert renewals.ask_some() == 0
    assert outcomes() == ["cancelled"]


def test_a_price_that_came_later_is_not_asked_for(plan, mine):
    plans.reprice(plan, 900, STAFF)
    db.session.commit()
    renewals.ask_some()
    assert [one.amount for one in asked()] == [500]


def test_after_some_days_nobody_expects_it_any_more(mine, noon):
    noon.shift(renewing.LIFE + MINUTES)
    assert renewals.ask_some() == 0
    assert outcomes() == ["too late"]
    assert asked() == []


def test_a_crash_before_the_commit_leaves_nothing_and_after_it_everything(mine):
    [renewal_id] = renewing.waiting()
    assert renewing.ask(renewal_id)
    db.session.rollback()
    assert (outcomes(), asked()) == ([None], [])
    assert renewals.ask_some() == 1
    assert (outcomes(), len(asked())) == (["asked"], 1)


def test_the_same_row_asked_twice_is_one_payment(mine):
    renewals.ask_some()
    [first] = asked()
    db.session.execute(text("update renewal set done_at = null, outcome = null, payment_id = null"))
    db.session.commit()
    assert renewals.ask_some() == 1
    assert asked() == [first]
    assert count_of(Payment) == 2


def test_many_who_sweep_at_once_ask_each_once(app, plan, monkeypatch):
    monkeypatch.setattr(renewing, "PACE", buckets.Rate(capacity=1_000, per_second=1))
    many(plan, 8)
    done = at_once(app, lambda _: renewals.ask_some(), 4)
    assert sum(done) == 8
    assert outcomes() == ["asked"] * 8
    assert count_of(Payment) == 16


def test_the_customer_and_the_run_at_once_are_one_request(app, plan, mine):
    plan_id, phone, model = plan.id, mine.subscriber.phone, type(plan)

    def press(n):
        if n % 2:
            return renewals.ask_some()
        try:
            return bool(factories.bought(db.session.get_one(model, plan_id), phone, address=None))
        except MustWait:
            db.session.rollback()
            return 0

    assert sum(at_once(app, press, 6)) == 1
    assert len(invoices(mine)) == 2
    assert count_of(Payment) == 2


def test_one_that_cannot_be_asked_for_does_not_hold_up_the_others(plan, mine, noon):
    db.session.execute(text("update subscriber set phone_sealed = 'x'"))
    db.session.commit()
    other = subscribed(plan)
    assert run() == (1, 1, 0)
    assert renewals.ask_some() == 1
    assert outcomes() == [None, "asked"]
    assert [one.invoice.subscription_id for one in asked()] == [other.id]
    assert queue()[0].ask_after == clock.now() + renewing.REST
