"""How payments are counted: live, ahead of time, and both together."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app import clock
from app.desk import counting, days, figures
from app.desk.days import Span
from app.desk.figure_models import DayFigure, FiguresMade
from app.desk.figures import Counts
from app.extensions import db
from app.jobs import housekeeping, work
from tests import factories
from tests.desk.telling import NOON, again, attempt, failing, found_by_asking, ours, paid


@pytest.fixture
def at_noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def whole(kind="total", span=None):
    return figures.read(ours(), span or days.last_days(1)).whole[kind]


def test_each_payment_is_counted_as_what_it_came_to(plan, at_noon):
    for body in (paid, paid, failing(1032), failing(1), failing(1037), failing(1019), None):
        attempt(plan, body)
    counts = figures.read(ours(), days.last_days(1)).total
    assert counts == Counts(asked=7, reached=5, typed=3, ended=6, excused=2, paid=2, shillings=1000)
    assert counts.completed == pytest.approx(33.33, abs=0.01)
    assert counts.technical == 50
    assert counts.failed == 4


def test_nothing_at_all_has_no_rates(app):
    found = figures.read(ours(), days.last_days(14))
    assert found.total == Counts()
    assert found.total.completed is None
    assert found.total.technical is None
    assert figures.percentile(found.whole["seconds"], 50) is None


def test_time_to_pay_and_the_messages_delay_are_histograms(plan, at_noon):
    for seconds in (10, 12, 12, 14, 200):
        attempt(plan, paid, after=seconds)
    seconds = whole("seconds")
    assert {key: counts.paid for key, counts in seconds.items()} == {
        "10": 1,
        "12": 2,
        "14": 1,
        "200": 1,
    }
    assert [figures.percentile(seconds, p) for p in (0, 50, 95)] == [10, 12, 200]
    assert whole("delay") == seconds


def test_causes_hours_weekdays_plans_and_tries_have_their_own(plan, at_noon):
    first = attempt(plan, failing(2001))
    at_noon.shift(180)
    second, hook = again(first)
    factories.deliver(hook, factories.success(checkout_id="ws_CO_again"))
    work.settle_inbox()
    found = figures.read(ours(), days.last_days(1))
    assert {key: counts.asked for key, counts in found.whole["cause"].items()} == {
        "wrong_pin|2001": 1
    }
    assert {key: counts.completed for key, counts in found.whole["attempt"].items()} == {
        "1": 0,
        "2": 100,
    }
    assert list(found.whole["hour"]) == ["12"]
    assert found.whole["plan"][str(plan.id)].ended == 2
    assert found.weekdays[6].asked == 2
    assert list(found.weekdays) == [6]
    assert second.retry_of_id == first.id


def test_what_only_a_question_found_is_told_apart(plan, at_noon):
    payment = attempt(plan)
    found_by_asking(payment)
    assert whole()[""].by_asking == 1
    assert whole("delay") == {}


def test_money_that_came_after_a_failure_is_late(plan, at_noon):
    payment = attempt(plan, failing(1037))
    found_by_asking(payment)
    counts = whole()[""]
    assert (counts.paid, counts.late, counts.late_shillings) == (1, 1, 500)


def test_what_is_collected_belongs_to_the_day_on_which_mpesa_took_it(plan, at_noon):
    """factories.success says 14:43 of the same day, whenever the payment was begun."""
    with time_machine.travel(clock.now() - timedelta(days=2), tick=False):
        attempt(plan, paid)
    found = figures.read(ours(), days.last_days(3))
    assert [
        (day, sums["collected"][""].shillings)
        for day, sums in found.periods.items()
        if "collected" in sums
    ] == [(days.today(), 500)]


def test_another_merchants_payments_are_theirs(plan, at_noon):
    attempt(factories.plan(factories.merchant()), paid)
    assert whole() == {}


def test_a_day_begins_at_midnight_in_nairobi(plan):
    with time_machine.travel("2026-11-20T20:59:00Z", tick=False):
        attempt(plan, paid)
    with time_machine.travel("2026-11-20T21:00:00Z", tick=False):
        attempt(plan, paid)
        assert whole()[""].asked == 1
        assert list(whole("hour")) == ["0"]


def fortnight(plan):
    """Some payments on each of fourteen days, today the last."""
    bodies = (paid, failing(1), failing(1032), paid, failing(1037))
    for ago in range(13, -1, -1):
        with time_machine.travel(clock.now() - timedelta(days=ago, hours=ago % 5), tick=False):
            for n in range(1 + ago % 3):
                attempt(plan, bodies[(ago + n) % 5], after=5 + ago)


def both(span):
    """What is read with the days counted ahead, and what a scan of everything says."""
    ahead = figures.read(ours(), span, "week")
    counting.forget(ours())
    return ahead, figures.read(ours(), span, "week")


@pytest.mark.parametrize("length", [1, 3, 14, 30])
def test_days_counted_ahead_say_what_a_scan_says(plan, at_noon, length):
    fortnight(plan)
    assert not counting.count(ours())
    assert db.session.get(FiguresMade, ours()).through == days.today() - days.DAY
    ahead, scan = both(days.last_days(length))
    assert ahead.total.asked > 0
    assert ahead == scan


def test_a_span_in_the_past_is_read_without_today(plan, at_noon):
    fortnight(plan)
    counting.count(ours())
    span = Span(days.today() - 9 * days.DAY, days.today() - 3 * days.DAY)
    ahead, scan = both(span)
    assert ahead == scan
    assert ahead.span.before() == Span(span.first - 7 * days.DAY, span.first - days.DAY)


def test_many_days_are_counted_a_few_at_a_time(plan, at_noon):
    fortnight(plan)
    assert [counting.count(ours(), most=5) for _ in range(4)] == [True, True, False, False]
    ahead, scan = both(days.last_days(14))
    assert ahead == scan


def test_what_changes_a_day_that_is_over_counts_it_again(plan, at_noon):
    with time_machine.travel(clock.now() - timedelta(days=3), tick=False):
        payment = attempt(plan, failing(1037))
    counting.count(ours())
    db.session.commit()
    assert counting.behind() == []
    found_by_asking(payment)
    assert counting.behind() == [ours()]
    counting.count(ours())
    ahead, scan = both(days.last_days(5))
    assert ahead == scan
    assert ahead.total.late == 1


def test_a_new_day_is_counted_when_it_is_over(plan, at_noon):
    attempt(plan, paid)
    counting.count(ours())
    db.session.commit()
    assert db.session.scalar(select(func.count()).select_from(DayFigure)) == 0
    at_noon.shift(86_400)
    assert counting.behind() == [ours()]
    counting.count(ours())
    assert db.session.scalar(select(func.count()).select_from(DayFigure)) > 0


def test_the_scheduler_counts_what_is_behind(plan, at_noon):
    fortnight(plan)
    assert not housekeeping.count_days()
    assert figures.through(ours()) == days.today() - days.DAY
    assert counting.behind() == []
