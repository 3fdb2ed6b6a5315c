"""Subscriptions as a business looks at them."""

from datetime import timedelta
from fractions import Fraction

import pytest
import time_machine

from app.billing.models import Plan
from app.desk import days, recurring
from app.desk.recurring import OfPlan
from tests import factories
from tests.desk.telling import NOON, ago, attempt, ours, paid


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize(
    ("unit", "every", "price", "monthly"),
    [
        ("month", 1, 1499, Fraction(1499)),
        ("month", 2, 1000, Fraction(500)),
        ("quarter", 1, 3000, Fraction(1000)),
        ("year", 1, 12_000, Fraction(1000)),
        ("week", 1, 70, Fraction(3044, 10)),
        ("day", 1, 20, Fraction(6088, 10)),
        ("day", 30, 300, Fraction(3044, 10)),
    ],
)
def test_a_price_is_told_for_a_month(unit, every, price, monthly):
    assert recurring.monthly(Plan(unit=unit, every=every, price=price)) == monthly


def test_nobody_has_subscribed(app):
    found = recurring.of(ours(), days.last_days(30))
    assert found == []
    assert recurring.total(found) == OfPlan("All plans", 0, 0, 0, 0)


def test_who_is_active_came_and_went(plan):
    weekly = factories.plan(code="weekly", name="Weekly", unit="week")
    with ago(days=80):
        attempt(plan, paid)  # lapsed, long before these days
    with ago(days=40):
        attempt(plan, paid)  # lapsed in them
    with ago(days=20):
        attempt(weekly, paid)  # came and went in them
    with ago(days=3):
        attempt(plan, paid)
        attempt(weekly, paid)
        attempt(plan)  # never paid
    found = recurring.of(ours(), days.last_days(30))
    assert found == [OfPlan("Weekly", 1, 2, 1, 2174), OfPlan("Standard", 1, 1, 1, 500)]
    assert recurring.total(found) == OfPlan("All plans", 2, 3, 2, 2674)


def test_paid_time_that_is_still_to_end_has_not_lapsed(plan):
    attempt(plan, paid)
    with time_machine.travel(NOON) as traveller:
        traveller.shift(timedelta(hours=1))
        [found] = recurring.of(ours(), days.last_days(90))
    assert (found.active, found.lapsed) == (1, 0)


def test_anothers_subscriptions_are_theirs(app):
    attempt(factories.plan(factories.merchant()), paid)
    assert recurring.of(ours(), days.last_days(30)) == []
