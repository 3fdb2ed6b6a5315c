"""While an outage stands, single prompts try; afterwards all go out, spread (ADR 17)."""

import threading
from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.errors import MustWait, Refused
from app.extensions import db
from app.payments import by_staff, charging, customer, gate, outages
from app.payments.outage_models import Outage
from tests import factories
from tests.payments.sick import NUMBER, bought, busy, ending, outage, taken


def later(**length):
    return time_machine.travel(clock.now() + timedelta(**length), tick=False)


def refused(plan, **payer):
    with pytest.raises(MustWait) as refusal:
        bought(plan, **payer)
    db.session.rollback()
    return refusal.value


def standing():
    db.session.expire_all()
    return outages.of(NUMBER)


def over(**ago):
    """An outage that has ended."""
    ended = clock.now() - timedelta(**ago)
    return outage(
        opened_at=ended - timedelta(seconds=1),
        closed_at=ended,
        closed_by="scheduler",
        closed_why="",
    )


def test_a_customer_who_was_not_told_waits_and_one_who_insists_tries(plan):
    outage()
    assert refused(plan).rule == gate.BUSY
    payment = bought(plan, insists=True)
    assert taken() == payment.id
    assert refused(plan, insists=True).rule == gate.BUSY


def test_each_that_tries_leaves_a_longer_pause_behind(plan):
    outage()
    pauses = []
    for _ in range(6):
        with time_machine.travel(standing().look_at, tick=False):
            bought(plan, insists=True)
            pauses.append((standing().look_at - clock.now()).total_seconds())
    assert pauses == [10, 20, 40, 80, 120, 120]


def test_of_many_who_insist_at_once_one_tries(app, plan):
    outage()
    tried, start = [], threading.Barrier(6)
    plan_id = plan.id

    def customer_comes(n):
        with app.app_context():
            sold = db.session.get(type(plan), plan_id)
            start.wait()
            try:
                bought(sold, same=254_720_000_000 + n, insists=True)
                tried.append(n)
            except MustWait:
                db.session.rollback()

    threads = [threading.Thread(target=customer_comes, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tried) == 1
    assert standing().probes == 1


def test_a_try_that_its_own_limits_refuse_does_not_use_the_turn(plan):
    payment = busy(plan, same=254_711_222_333)
    outage()
    assert refused(plan, same=254_711_222_333, insists=True).rule != gate.BUSY
    assert standing().probes == 0
    assert payment.status == "failed"


def test_the_same_attempt_again_is_the_same_payment(plan):
    """A double click while M-PESA is sick."""
    payer = charging.Payer("254712345678", "10.0.0.1", insists=True)
    outage()
    first = charging.buy(plan, payer, "an-attempt")
    db.session.commit()
    assert charging.buy(plan, payer, "an-attempt").id == first.id
    db.session.rollback()


def test_a_retry_takes_its_turn_too(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    old, other = ending(1)(plan), ending(1)(plan)
    outage()
    new, _ = customer.again(old, None, "10.0.0.1")
    db.session.commit()
    assert taken() == new.id
    with pytest.raises(MustWait) as refusal:
        customer.again(other, None, "10.0.0.2")
    assert refusal.value.rule == gate.BUSY
    db.session.rollback()


def test_staff_are_refused_in_words(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    payment = ending(0)(plan)
    outage()
    with pytest.raises(Refused, match="M-PESA is very busy"):
        by_staff.ask(payment.invoice.subscription, "staff:1", "an-attempt")
    db.session.rollback()
    assert standing().probes == 0


def test_during_a_pause_nobody_tries(plan):
    waiting = bought(plan)
    outage(by_hand=True, opened_at=clock.now(), look_at=clock.now() + timedelta(hours=1))
    assert refused(plan, insists=True).rule == gate.PAUSED
    assert taken() is None
    assert factories.fresh(waiting.id).status == "created"


def test_prompts_from_before_are_held_and_are_the_first_that_try(plan):
    held = [bought(plan) for _ in range(3)]
    outage(opened_at=clock.now(), look_at=clock.now() + timedelta(seconds=10))
    assert taken() is None
    with later(seconds=10):
        assert [taken(), taken()] == [held[0].id, None]
    with later(seconds=29):
        assert [taken(), taken()] == [held[1].id, None]
    with later(seconds=31):
        assert taken() is None
        charging.give_up_unsent()
        db.session.commit()
    assert factories.fresh(held[2].id).reason == "not_sent"


def test_another_merchants_prompts_go_out_and_those_of_the_same_number_do_not(plan):
    other = factories.plan(factories.merchant(), code="gold")
    third = factories.merchant("tatu", shortcode="600999")
    third.uses_platform_shortcode = True
    db.session.commit()
    shared = factories.plan(third, code="silver")
    mine, theirs, sharers = bought(plan), bought(other), bought(shared)
    outage(opened_at=clock.now(), look_at=clock.now() + timedelta(seconds=10))
    assert [taken(), taken()] == [theirs.id, None]
    assert refused(shared, insists=True).rule == gate.BUSY
    assert bought(other).status == mine.status == sharers.status == "created"


def test_after_it_prompts_go_out_oldest_first_at_a_rising_rate(plan):
    waiting = [bought(plan).id for _ in range(40)]
    ended = over(seconds=0).closed_at
    sent = []
    for second in range(10):
        with time_machine.travel(ended + timedelta(seconds=second), tick=False):
            before = len(sent)
            while (one := taken()) is not None:
                sent.append(one)
            assert 1 <= len(sent) - before <= gate.RAMP_START * 2 ** (second / gate.RAMP_STEP)
        if len(sent) == len(waiting):
            break
    assert sent == waiting
    assert 5 <= second <= 8  # at the first rate it would be 10; all at once, 0


def test_soon_it_is_forgotten(plan):
    over(seconds=31)
    assert gate.standing() == {}
    sent = [bought(plan).id for _ in range(8)]
    assert [taken() for _ in range(8)] == sent


def test_a_new_outage_counts_more_than_one_that_has_just_ended(plan):
    over(seconds=5)
    bought(plan)
    outage(opened_at=clock.now(), look_at=clock.now() + timedelta(seconds=10))
    assert taken() is None


def test_a_killed_sender_leaves_its_turn_used_and_nothing_sent_twice(plan):
    """Between the claim and its commit: as if it had never been. After it: sending, once."""
    held = bought(plan)
    outage(opened_at=clock.now(), look_at=clock.now())
    assert charging.claim().payment_id == held.id
    db.session.rollback()
    assert standing().probes == 0
    assert [taken(), taken()] == [held.id, None]
    assert db.session.query(Outage).one().probes == 1
