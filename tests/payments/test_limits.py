"""How often a phone may be asked (design.md §6)."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.errors import MustWait
from app.extensions import db
from app.jobs import work
from app.payments import buckets, charging, limits
from tests import factories


def wait_for(plan, **more):
    with pytest.raises(MustWait) as refusal:
        factories.bought(plan, **more)
    db.session.rollback()
    return refusal.value


def fail(hook, code=1032, checkout_id="ws_CO_1"):
    factories.deliver(hook, factories.failure(code, checkout_id))
    work.settle_inbox()


def later(**duration):
    return time_machine.travel(clock.now() + timedelta(**duration))


def test_one_live_prompt_per_phone_over_all_merchants(plan):
    factories.pending(plan)
    other = factories.plan(factories.merchant())
    assert wait_for(other).rule == "one prompt at a time"


def test_one_live_prompt_holds_even_without_the_numeric_limits(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    factories.pending(plan)
    assert wait_for(plan).rule == "one prompt at a time"


def test_two_prompts_of_one_amount_are_two_minutes_apart(plan):
    _, hook = factories.pending(plan)
    fail(hook)
    assert 115 <= wait_for(plan).seconds <= 120
    with later(seconds=115):
        assert wait_for(plan).rule == "between prompts"
    with later(seconds=121):
        factories.bought(plan)


def test_two_prompts_of_other_amounts_are_one_minute_apart(plan):
    _, hook = factories.pending(plan)
    fail(hook)
    other = factories.plan(code="other", price=700)
    assert 55 <= wait_for(other).seconds <= 60
    with later(seconds=61):
        factories.bought(other)


def test_what_never_reached_the_phone_does_not_count_as_a_prompt(plan):
    factories.bought(plan)
    with later(seconds=31):
        charging.give_up_unsent()
        db.session.commit()
        factories.bought(plan)


def test_a_locked_line_cools_down_from_its_answer(plan):
    _, hook = factories.pending(plan)
    with later(seconds=50):
        fail(hook, 1001)
    with later(seconds=125):
        assert 40 <= wait_for(plan).seconds <= 46
    with later(seconds=175):
        factories.bought(plan)


def tries(plan, count, apart):
    """Goes through so many failed prompts, so far apart. Answers the time after the last."""
    at = clock.now()
    for n in range(count):
        with time_machine.travel(at, tick=False):
            _, hook = factories.pending(plan, checkout_id=f"ws_CO_{n}")
            fail(hook, checkout_id=f"ws_CO_{n}")
        at += apart
    return at


def test_ten_prompts_a_day(plan):
    at = tries(plan, 10, timedelta(hours=1))
    with time_machine.travel(at, tick=False):
        assert wait_for(plan).rule == "phone a day"
    with time_machine.travel(at + timedelta(hours=15), tick=False):
        factories.bought(plan)


def test_five_prompts_in_five_minutes(plan):
    plans = [factories.plan(code=f"p{n}", price=100 + n) for n in range(6)]
    at = clock.now()
    for n, sold in enumerate(plans[:5]):
        with time_machine.travel(at + timedelta(seconds=61 * n), tick=False):
            _, hook = factories.pending(sold, checkout_id=f"ws_CO_{n}")
            fail(hook, checkout_id=f"ws_CO_{n}")
    with time_machine.travel(at + timedelta(seconds=299), tick=False):
        assert wait_for(plans[5]).seconds <= 60


def test_twenty_tries_from_one_address(plan):
    for n in range(20):
        factories.bought(plan, phone=f"2547123450{n:02}")
    assert wait_for(plan, phone="254722000000").rule == "address"
    factories.bought(plan, phone="254722000000", address="10.9.9.9")


def test_a_merchants_bucket_runs_empty_and_fills_again(plan):
    with time_machine.travel(clock.now(), tick=False) as traveller:
        most = limits.merchants_rate()
        others = buckets.take_up_to(int(most.capacity) - 1, limits.bucket(plan.merchant_id), most)
        assert others == most.capacity - 1
        factories.bought(plan)
        assert wait_for(plan, phone="254722000000").rule == "merchant"
        traveller.shift(1)
        factories.bought(plan, phone="254722000000")


def test_an_unconfirmed_payment_holds_its_phone_for_five_minutes(plan):
    payment, _ = factories.pending(plan)
    with later(seconds=130):
        charging.give_up_waiting()
        db.session.commit()
        assert 160 <= wait_for(plan).seconds <= 170
    with later(seconds=301):
        factories.bought(plan)
    assert payment.status == "unconfirmed"
