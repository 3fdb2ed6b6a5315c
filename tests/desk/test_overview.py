"""The first page's figures."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.desk import counting, overview
from app.extensions import db
from tests import factories
from tests.desk.telling import NOON, ago, attempt, failing, ours, paid


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def test_today_stands_beside_the_days_before(plan):
    for days, bodies in ((3, (paid, failing(1))), (1, (paid,)), (0, (paid, paid, failing(1032)))):
        with ago(days=days):
            for body in bodies:
                attempt(plan, body)
    found = overview.of(ours())
    assert [day.counts.asked for day in found.days[-4:]] == [2, 0, 1, 3]
    assert (found.today.counts.paid, found.today.median) == (2, 20)
    assert (found.before.ended, found.before.paid) == (3, 2)
    assert found.median_before == 20
    assert not found.empty


def test_it_says_the_same_when_the_days_are_counted_ahead(plan):
    for days in (13, 7, 2, 0):
        with ago(days=days):
            attempt(plan, paid)
            attempt(plan, failing(1037))
    live = overview.of(ours())
    counting.count(ours())
    db.session.commit()
    assert overview.of(ours()) == live


def test_nobody_has_paid_anything_yet(app):
    found = overview.of(ours())
    assert found.empty
    assert found.today.counts.completed is None
    assert (found.today.collected, found.collected_then) == (0, 0)
    assert found.median_before is None
    assert found.causes == []
    assert (found.waiting.count, found.waiting.minutes) == (0, 0)


def receipt_at(plan, time):
    """M-PESA says that it took the money then."""
    stamp = (time + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    items = [
        {"Name": "Amount", "Value": 500},
        {"Name": "MpesaReceiptNumber", "Value": f"TKB{next(factories.number):07}"},
        {"Name": "TransactionDate", "Value": int(stamp)},
    ]
    metadata = {"CallbackMetadata": {"Item": items}}
    attempt(plan, lambda checkout_id, _: factories.success(checkout_id=checkout_id, **metadata))


def test_half_a_day_is_compared_with_half_a_day(plan):
    now = clock.now()
    week_ago = now - timedelta(days=7)
    for time in (week_ago - timedelta(hours=1), week_ago + timedelta(hours=1), now):
        receipt_at(plan, time)
    found = overview.of(ours())
    assert (found.collected_then, found.today.collected) == (500, 500)


def test_who_waits_and_for_how_long(plan):
    with ago(minutes=7, seconds=30):
        attempt(plan)
    attempt(plan)
    attempt(plan, paid)
    waiting = overview.waiting(ours())
    assert (waiting.count, waiting.slow, waiting.minutes) == (2, 1, 7)


def test_another_merchants_customers_do_not_wait_for_us(plan):
    attempt(factories.plan(factories.merchant()))
    assert overview.waiting(ours()).count == 0


def test_a_cause_has_all_its_codes_the_most_frequent_first(plan):
    for code in (1037, 1037, 1036, 1):
        attempt(plan, failing(code))
    causes = overview.of(ours()).causes
    assert [(one.reason, one.codes, one.failed, one.percent) for one in causes] == [
        ("unreachable", ("1037", "1036"), 3, 75),
        ("insufficient_funds", ("1",), 1, 25),
    ]
