"""A run opens and queues what is due, once, whoever else is at it: ADR 24."""

from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app import audit, clock, direct, merchants
from app.audit import AuditEvent
from app.billing import cancelling, plans
from app.billing import invoices as billing
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.billing.subscriptions import phone_index
from app.errors import MustWait, Refused
from app.extensions import db
from app.jobs import renewals, work
from app.payments import (
    by_staff,
    charging,
    limits,
    offers,
    opt_out,
    plain_purchase,
    renewing,
)
from app.payments.plain_purchase import Odd
from app.payments.renewal_statements import Due, Found
from app.privacy import erasing
from app.staff.accounts import By
from tests import factories
from tests.payments import renewed
from tests.payments.renewed import invoices, queue, run, subscribed
from tests.payments.test_concurrency import at_once, count_of

STAFF = By("staff:7", "they asked")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def noon(app):
    with time_machine.travel(renewed.NOON, tick=False):
        yield


def issued():
    told = select(AuditEvent.actor, AuditEvent.subject_id, AuditEvent.details)
    found = db.session.execute(told.where(AuditEvent.action == "invoice.issued"))
    return [tuple(row) for row in found if row.actor == renewing.ACTOR]


@pytest.mark.parametrize("ends_in", [-7 * DAY + HOUR, -HOUR, timedelta(), HOUR, DAY])
def test_whoever_s_time_is_over_or_nearly_owes_the_next_period(plan, ends_in):
    mine = subscribed(plan, ends_in=ends_in)
    assert run() == (1, 1, 0)
    first, new = invoices(mine)
    assert first.paid_at
    assert (new.open, new.amount, new.merchant_id) == (True, 500, plan.merchant_id)
    [queued] = queue()
    assert (queued.invoice_id, queued.merchant_id) == (new.id, plan.merchant_id)
    assert (queued.done_at, queued.payment_id) == (None, None)
    assert issued() == [(renewing.ACTOR, new.id, {"amount": 500})]
    assert audit.verify(plan.merchant_id) == []


def far_away(plan):
    subscribed(plan, ends_in=DAY + HOUR)


def lapsed_long_ago(plan):
    subscribed(plan, ends_in=-7 * DAY)


def never_paid(plan):
    with time_machine.travel(clock.now() - DAY, tick=False):
        _, hook = factories.pending(plan)
        factories.deliver(hook, factories.failure())
        work.settle_inbox()


def cancelled(plan):
    cancelling.cancel(by_staff.quiet(subscribed(plan)), STAFF)


def ends(plan):
    mine = subscribed(plan, ends_in=HOUR)
    cancelling.end_with_period(by_staff.quiet(mine), STAFF)


def wants_none(plan):
    mine = subscribed(plan)
    opt_out.add(mine.subscriber.phone)


def is_gone(plan):
    mine = subscribed(plan)
    erasing.erase(plan.merchant_id, mine.subscriber.phone, STAFF)


def owes_an_older_price(plan):
    mine = subscribed(plan)
    billing.issue(mine, "customer")
    plans.reprice(plan, 900, STAFF)


def of_another_merchant(_plan):
    subscribed(factories.plan(factories.merchant(), code="gold"))


@pytest.mark.parametrize(
    "somebody",
    [
        *(far_away, lapsed_long_ago, never_paid, cancelled, ends, wants_none, is_gone),
        *(owes_an_older_price, of_another_merchant),
    ],
)
def test_who_is_not_due_is_left_alone(plan, somebody):
    somebody(plan)
    db.session.commit()
    before = count_of(Invoice), count_of(AuditEvent)
    assert run() == (0, 0, 0)
    assert queue() == []
    assert (count_of(Invoice), count_of(AuditEvent)) == before


def test_days_say_how_early_people_are_asked(plan):
    subscribed(plan, ends_in=3 * DAY)
    assert run(days=2) == (0, 0, 0)
    assert run(days=3) == (1, 1, 0)


def test_a_plan_that_nobody_new_can_have_goes_on_for_those_who_have_it(plan):
    subscribed(plan)
    plans.retire(plan, STAFF)
    db.session.commit()
    assert run() == (1, 1, 0)


def test_what_is_open_is_queued_as_it_is_and_once(plan):
    mine = subscribed(plan)
    there = billing.issue(mine, "customer")
    db.session.commit()
    assert run() == (0, 1, 0)
    assert run() == (0, 0, 0)
    assert [one.invoice_id for one in queue()] == [there.id]
    assert issued() == []


def test_the_price_is_the_one_of_the_day_of_the_run(plan):
    mine = subscribed(plan)
    plans.reprice(plan, 700, STAFF)
    db.session.commit()
    run()
    plans.reprice(plan, 900, STAFF)
    db.session.commit()
    assert invoices(mine)[-1].amount == 700
    assert run() == (0, 0, 0)


def test_a_run_twice_is_a_run(plan):
    for _ in range(3):
        subscribed(plan)
    assert run() == (3, 3, 0)
    before = count_of(AuditEvent)
    assert run() == (0, 0, 0)
    assert (count_of(Invoice), len(queue()), count_of(AuditEvent)) == (6, 3, before)


def test_a_month_later_the_next_one_is_asked_for(plan):
    mine = subscribed(plan)
    run()
    renewed.pays(mine)
    with time_machine.travel(clock.now() + timedelta(days=28), tick=False):
        assert run() == (1, 1, 0)
    assert [one.amount for one in invoices(mine)] == [500, 500, 500]


def test_two_runs_at_once_are_a_run(app, plan, monkeypatch):
    monkeypatch.setattr(renewing, "AT_ONCE", 3)  # several steps, which meet
    for _ in range(10):
        subscribed(plan)
    done = at_once(app, lambda _: run(), 4)
    assert sum(invoices for invoices, *_ in done) == 10
    assert sum(queued for _, queued, _ in done) == 10
    assert (count_of(Invoice), len(queue()), len(issued())) == (20, 10, 10)
    assert audit.verify(plan.merchant_id) == []


def buys(plan_id, phone):
    factories.bought(db.session.get_one(Plan, plan_id), phone, address=None)


def buys_plainly(_plan_id, phone):
    offer, payer = offers.of("default", "standard"), charging.Payer(phone, None)
    attempt = f"attempt-p{next(factories.number)}"
    with suppress(Odd), direct.transaction(plain_purchase.locks(offer, payer, attempt)) as rows:
        plain_purchase.buy(rows, offer, payer, attempt)


def cancels(_plan_id, phone):
    query = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    theirs = query.where(Subscriber.phone_index == phone_index(phone)).order_by(Subscription.id)
    cancelling.cancel(by_staff.quiet(db.session.scalars(theirs.limit(1)).one()), STAFF)
    db.session.commit()


ACTS = (lambda *_: run(), lambda *_: renewals.ask_some(), buys, buys_plainly, cancels)


def test_everything_at_once_waits_for_nobody_and_leaves_the_books_right(app, plan, monkeypatch):
    monkeypatch.setattr(renewing, "AT_ONCE", 4)
    phones = [subscribed(plan).subscriber.phone for _ in range(12)]
    plan_id = plan.id

    def act(n):
        for m in range(3):
            with suppress(MustWait, Refused):
                ACTS[n % len(ACTS)](plan_id, phones[(5 * n + m) % 12])
            db.session.rollback()

    at_once(app, act, 10)
    run()
    assert run() == (0, 0, 0)
    owed = select(Invoice.id).join(Subscription, Subscription.id == Invoice.subscription_id)
    owed = owed.where(Invoice.paid_at.is_(None), Invoice.voided_at.is_(None))
    due = owed.where(Subscription.paid_through.is_not(None))
    assert set(db.session.scalars(due)) <= {one.invoice_id for one in queue()}
    cancelled = owed.where(Subscription.cancelled_at.is_not(None))
    assert db.session.scalars(cancelled).all() == []
    assert audit.verify(plan.merchant_id) == []


def test_whoever_buys_at_this_moment_is_looked_at_by_the_next_run(app, plan):
    mine, other = subscribed(plan), subscribed(plan)
    mine_id, other_id = mine.id, other.id
    limits.lock_key(phone_index(mine.subscriber.phone))
    [done] = at_once(app, lambda _: run(), 1)
    assert done == (1, 1, 1)
    assert [one.invoice.subscription_id for one in queue()] == [other_id]
    db.session.commit()
    assert run() == (1, 1, 0)
    assert [one.invoice.subscription_id for one in queue()] == [other_id, mine_id]


def opts_out(mine, _by):
    opt_out.add(mine.subscriber.phone)


@pytest.mark.parametrize("act", [cancelling.cancel, opts_out])
def test_what_changes_between_looking_and_holding_counts(plan, act):
    """The statement that opens looks again, under the phones' locks."""
    mine = subscribed(plan)
    merchant, due = merchants.named("default"), Due.within(plan.merchant_id, 1)
    found = [Found(mine.id, mine.subscriber.phone_index, "DU-2222222")]
    act(mine, STAFF)
    db.session.commit()
    assert db.session.execute(due.opening(found)).all() == []
    assert renewing.open_some(merchant, due, None).queued == 0


def test_a_new_number_between_looking_and_holding_counts(plan):
    mine = subscribed(plan)
    other = Found(mine.id, phone_index("254722000999"), "DU-2222222")
    assert db.session.execute(Due.within(plan.merchant_id, 1).opening([other])).all() == []


def test_one_of_many_whose_number_is_taken_does_not_hold_up_the_others(plan):
    """A doubled account number: the run leaves it out, and another run gives another one."""
    many = [subscribed(plan) for _ in range(5)]
    taken = invoices(many[0])[0].reference
    due = Due.within(plan.merchant_id, 1)
    found = [
        Found(one.id, one.subscriber.phone_index, taken if n == 2 else f"DU-222222{n}")
        for n, one in enumerate(many)
    ]
    assert len(db.session.execute(due.opening(found)).all()) == 4
    for row in db.session.scalars(select(Invoice).where(Invoice.paid_at.is_(None))):
        audit.record(row, "invoice.issued", actor="test")
    db.session.commit()
    assert run() == (1, 1, 0)
    assert len(queue()) == 5


def test_nothing_is_there_of_a_step_that_ends_before_its_commit(plan):
    subscribed(plan)
    due = Due.within(plan.merchant_id, 1)
    before = count_of(Invoice), count_of(AuditEvent)
    assert renewing.open_some(merchants.named("default"), due, None).queued == 1
    db.session.rollback()
    assert (count_of(Invoice), count_of(AuditEvent), queue()) == (*before, [])
    assert run() == (1, 1, 0)


def test_many_steps_see_each_once(plan, monkeypatch):
    monkeypatch.setattr(renewing, "AT_ONCE", 2)
    for _ in range(5):  # some at the same second
        subscribed(plan)
    assert run() == (5, 5, 0)
    assert [step.place is None for step in renewals.open_all(merchants.named("default"), 1)] == [
        True
    ]


def test_only_this_merchant_s_customers_are_asked(plan):
    subscribed(plan)
    duka = factories.plan(factories.merchant(), code="gold", price=200)
    theirs = subscribed(duka)
    assert run(slug="duka") == (1, 1, 0)
    assert [one.merchant_id for one in queue()] == [duka.merchant_id]
    assert invoices(theirs)[-1].amount == 200


def test_who_is_due_is_read_off_an_index(plan):
    due = Due.within(plan.merchant_id, 1)
    asked = due.next((clock.now(), 7), 250).compile(
        db.engine, compile_kwargs={"literal_binds": True}
    )
    db.session.execute(text("set local enable_seqscan = off"))
    told = "\n".join(db.session.scalars(text(f"explain {asked}")))
    assert "ix_subscription_paid_through" in told
    assert "Index Cond: (subscription_id = subscription.id)" in told


def test_the_database_lets_no_invoice_wait_twice_and_no_row_end_half(plan):
    subscribed(plan)
    run()
    again = (
        "insert into renewal (merchant_id, invoice_id, queued_at, ask_after)"
        " select merchant_id, invoice_id, now(), now() from renewal"
    )
    half = "update renewal set done_at = now()"
    for wrong in (again, half, f"{half}, outcome = 'asked'"):
        with pytest.raises(IntegrityError):
            db.session.execute(text(wrong))
        db.session.rollback()
