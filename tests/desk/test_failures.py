"""What failed, what came back, what may be asked for again."""

from datetime import timedelta

import pytest
import time_machine

from app import clock, merchants
from app.daraja import Reason
from app.desk import acts, failures, listing, words
from app.extensions import db
from app.jobs import work
from tests import factories
from tests.desk import history

DAY = timedelta(days=1)


def ours():
    return merchants.named("default").id


def causes(since=7 * DAY):
    return failures.causes(ours(), clock.now() - since)


def open_ids():
    return [row.id for row in failures.open_page(ours()).rows]


def came_back(old, number):
    """Its invoice is paid at the next try."""
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        new, _ = acts.send_again(old, "staff:1")
        db.session.commit()
        hook = factories.sent(new)
        factories.accepted(new, f"ws_CO_b{number}")
        body = factories.success(receipt=f"TBACK0000{number}", checkout_id=f"ws_CO_b{number}")
        factories.deliver(hook, body)
        work.settle_inbox()


def test_by_cause_the_most_frequent_first_with_what_came_back(app, plan):
    pins = [history.failed(plan, n, "wrong_pin") for n in (1, 2, 3)]
    history.failed(plan, 4, "merchant_problem")
    history.failed(factories.plan(factories.merchant()), 5)
    history.failed(plan, 6, ago=8 * DAY)
    came_back(pins[0], 1)
    found = causes()
    assert [(one.reason, one.failed, one.back) for one in found] == [
        ("wrong_pin", 3, 1),
        ("merchant_problem", 1, 0),
    ]
    assert found[0].percent_back == 33
    assert found[0].recoverable
    assert not found[0].ours
    assert found[1].ours


@time_machine.travel("2026-11-21T21:30:00Z", tick=False)
def test_by_the_hour_of_nairobi(app, plan):
    history.failed(plan)
    [cause] = causes()
    assert cause.hours[0] == 1
    assert sum(cause.hours) == 1
    hours = failures.by_hour([cause])
    assert (hours[0].failed, hours[0].back, len(hours)) == (1, 0, 24)


def test_nothing_failed(app, plan):
    assert causes() == []
    assert open_ids() == []
    assert failures.badge(ours()) == 0


def test_only_the_last_try_at_what_is_owed_is_open(app, plan):
    first = history.failed(plan, 1, ago=timedelta(minutes=10))
    paid_later = history.failed(plan, 2)
    void = history.failed(plan, 3)
    history.failed(plan, 4, "merchant_problem")
    history.failed(plan, 5, "no_answer")
    old = history.failed(plan, 6, ago=31 * DAY)
    theirs = history.failed(factories.plan(factories.merchant()), 7)
    came_back(paid_later, 1)
    void.invoice.voided_at = clock.now()
    db.session.commit()
    assert open_ids() == [first.id]
    assert failures.badge(ours()) == 1
    assert {old.id, theirs.id}.isdisjoint(open_ids())
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        acts.send_again(first, "staff:1")
        db.session.commit()
    assert open_ids() == []


def test_open_ones_page_by_page(app, plan, monkeypatch):
    monkeypatch.setattr(listing, "SIZE", 2)
    made = [history.failed(plan, n).id for n in range(5)][::-1]
    first = failures.open_page(ours())
    second = failures.open_page(ours(), first.older)
    third = failures.open_page(ours(), second.older)
    assert [row.id for page in (first, second, third) for row in page.rows] == made
    assert third.older is None


def test_counting_is_bounded(app, plan, monkeypatch):
    monkeypatch.setattr(failures, "MOST_COUNTED", 2)
    for n in range(4):
        history.failed(plan, n)
    assert sum(cause.failed for cause in causes()) == 2


@pytest.mark.parametrize("reason", Reason)
def test_every_cause_has_words_and_a_place(reason):
    assert words.CAUSES[reason]
    assert not (reason in failures.OURS and reason in failures.RECOVERABLE)
