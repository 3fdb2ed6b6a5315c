"""Lists of subscriptions and customers: each state from facts and the clock, page by page, one merchant's."""

from datetime import timedelta

import pytest
import time_machine

from app import clock, crypto, merchants
from app.billing import subscribers
from app.billing.models import Subscriber, Subscription
from app.billing.subscriptions import phone_place
from app.desk import customers, people, subscriptions
from app.desk.cursor import Cursor
from app.desk.subscriptions import Filters
from app.extensions import db
from app.staff.accounts import By
from tests import factories

DAY = timedelta(days=1)
# What the facts are, in days from now: paid_through, ends_at, cancelled_at.
FACTS = {
    "active": (1, None, None),
    "ending": (1, 1, None),
    "lapsed": (-1, None, None),
    "unpaid": (None, None, None),
    "cancelled": (1, None, -1),
    "cancelled and over": (-1, None, -2),
    "cancelled and never paid": (None, None, -1),
    "ended": (-1, -1, None),
}
STATES = {name: name.split()[0].replace("ended", "cancelled") for name in FACTS}


def moment(days):
    return None if days is None else clock.now() + days * DAY


def subscription(plan, name="active", n=0):
    phone = f"2547120000{n:02}"
    person = Subscriber(
        merchant_id=plan.merchant_id, token=f"t{plan.id}-{n}", phone_index=bytes([plan.id, n])
    )
    person.phone_sealed = crypto.seal(phone.encode(), phone_place(person.token))
    paid, ends, cancelled = map(moment, FACTS[name])
    made = Subscription(merchant_id=plan.merchant_id, plan=plan, subscriber=person)
    made.ends_at, made.cancelled_at = ends, cancelled
    made.paid_through = paid
    db.session.add_all([person, made])
    db.session.flush()
    return made


@pytest.fixture
def every(plan):
    """One in each state. Never committed: no invoice was paid for them, and the books would say so."""
    with time_machine.travel(clock.now(), tick=False):
        yield {name: subscription(plan, name, n) for n, name in enumerate(FACTS)}
        db.session.rollback()


def ours(**more):
    return Filters(merchants.named("default").id, **more)


@pytest.mark.parametrize("name", FACTS)
def test_a_state_is_derived_alike_in_a_list_and_of_a_row(every, name):
    one = every[name]
    assert subscriptions.state_of(one) == STATES[name]
    for state in subscriptions.STATES:
        listed = one in subscriptions.page(ours(state=state)).rows
        assert listed == (state == STATES[name])


def test_every_subscription_is_under_one_tab(every):
    assert subscriptions.counts(ours()) == {
        "": 8,
        "active": 1,
        "ending": 1,
        "lapsed": 1,
        "unpaid": 1,
        "cancelled": 4,
    }
    assert len(subscriptions.page(ours()).rows) == 8


def test_the_moment_at_which_the_paid_time_ends_is_over(every):
    now = clock.now()
    every["active"].paid_through = every["ending"].paid_through = every["ending"].ends_at = now
    db.session.flush()
    assert subscriptions.state_of(every["active"]) == "lapsed"
    assert subscriptions.state_of(every["ending"]) == "cancelled"
    counts = subscriptions.counts(ours())
    assert (counts["active"], counts["ending"], counts["lapsed"]) == (0, 0, 2)


@pytest.fixture
def others(plan):
    return factories.plan(code="gold"), factories.plan(factories.merchant())


def test_a_plan_and_a_merchant_have_their_own(others, every, plan):
    gold, theirs = others
    mine, other = subscription(gold, n=20), subscription(theirs, n=20)
    assert subscriptions.page(ours(plan_id=gold.id)).rows == [mine]
    assert subscriptions.counts(ours(plan_id=gold.id))["active"] == 1
    assert subscriptions.page(ours(plan_id=theirs.id)).rows == []
    assert subscriptions.page(Filters(theirs.merchant_id)).rows == [other]
    assert other not in subscriptions.page(ours()).rows
    assert subscriptions.of_plans(plan.merchant_id) == {plan.id: 4, gold.id: 1}
    db.session.rollback()


def test_pages_follow_each_other_and_lead_back(plan):
    made = [subscription(plan, n=n) for n in range(7)]
    made[3].created_at = made[2].created_at  # then the id decides
    db.session.flush()
    newest = sorted(made, key=lambda one: (one.created_at, one.id), reverse=True)

    first = subscriptions.page(ours(), size=3)
    second = subscriptions.page(ours(), first.older, 3)
    third = subscriptions.page(ours(), second.older, 3)
    assert [*first.rows, *second.rows, *third.rows] == newest
    assert (first.newer, third.older) == (None, None)
    assert subscriptions.page(ours(), third.newer, 3) == second
    assert subscriptions.page(ours(), second.newer, 3) == first
    db.session.rollback()


def test_a_row_that_comes_meanwhile_moves_nobody(plan):
    made = [subscription(plan, n=n) for n in range(4)]
    first = subscriptions.page(ours(), size=2)
    subscription(plan, n=9)
    second = subscriptions.page(ours(), first.older, 2)
    assert second.rows == [made[1], made[0]]
    back = subscriptions.page(ours(), second.newer, 2)
    assert back.rows == [made[3], made[2]]
    assert back.newer is not None
    db.session.rollback()


def test_what_is_beyond_the_end_is_empty(plan):
    one = subscription(plan)
    found = subscriptions.page(ours(), Cursor(one.created_at, one.id))
    assert (found.rows, found.older) == ([], None)
    db.session.rollback()


@pytest.fixture
def wanjiru(plan):
    payment = factories.bought(plan)
    person = payment.invoice.subscription.subscriber
    subscribers.rename(person, "Wanjiru 100% Kamau", By("test"))
    db.session.commit()
    return payment


@pytest.mark.parametrize("typed", ["0712 345 678", "+254712345678", "712345678", "(0712)-345678"])
def test_a_number_finds_its_person_however_it_is_written(wanjiru, typed):
    person_id = people.with_phone(wanjiru.merchant_id, typed)
    assert person_id == wanjiru.invoice.subscription.subscriber_id


def test_a_number_that_nobody_has_is_not_no_number(wanjiru):
    assert people.with_phone(wanjiru.merchant_id, "0722 000 111") == 0
    assert people.with_phone(factories.merchant().id, "0712345678") == 0
    assert people.with_phone(wanjiru.merchant_id, "Wanjiru") is None


@pytest.mark.parametrize("typed", ["wan", "WANJIRU", "Wanjiru 100%"])
def test_a_name_is_found_by_how_it_begins(wanjiru, typed):
    found = people.find(wanjiru.merchant_id, typed)
    assert found.people == (wanjiru.invoice.subscription.subscriber_id,)
    assert [one.id for one in subscriptions.page(ours(found=found)).rows] == [
        wanjiru.invoice.subscription_id
    ]
    assert [one.id for one in customers.page(wanjiru.merchant_id, found).rows] == list(found.people)


@pytest.mark.parametrize("typed", ["w", "%", "W%u", "wan_iru", "Kamau", "\\", "0712345678"])
def test_nothing_else_finds_a_name(wanjiru, typed):
    found = people.find(wanjiru.merchant_id, typed)
    assert found.people == ()
    assert found.advice
    assert subscriptions.page(ours(found=found)).rows == []
    assert subscriptions.counts(ours(found=found))[""] == 0


def test_a_reference_finds_its_subscription_and_no_other_of_the_person(wanjiru):
    other, theirs = factories.plan(code="gold"), factories.merchant()
    subscription(other, n=1)
    found = people.find(wanjiru.merchant_id, wanjiru.invoice.reference.lower())
    assert found.subscription_id == wanjiru.invoice.subscription_id
    assert len(subscriptions.page(ours(found=found)).rows) == 1
    assert people.find(theirs.id, wanjiru.invoice.reference).people == ()
    db.session.rollback()


def test_too_many_people_of_a_name_are_not_listed(app, monkeypatch, wanjiru):
    monkeypatch.setattr(people, "MOST_PEOPLE", 0)
    assert "type more" in people.find(wanjiru.merchant_id, "wan").advice


def test_a_number_under_a_lost_key_does_not_take_the_list_with_it(app, wanjiru):
    person = wanjiru.invoice.subscription.subscriber
    person.phone_sealed = b"\x01\x02k9" + bytes(40)
    assert people.masked(person) == "Number unreadable"
    db.session.rollback()
