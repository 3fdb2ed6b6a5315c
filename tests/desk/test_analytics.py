"""Analytics, table by table."""

from datetime import date

import pytest
import time_machine

from app.desk import analytics, days, figures, sheets
from app.desk.analytics import DELAYS
from app.desk.days import DAY, Span
from app.extensions import db
from app.jobs import work
from tests import factories
from tests.desk.telling import (
    NOON,
    again,
    ago,
    attempt,
    failing,
    found_by_asking,
    ours,
    paid,
)

NAMES = {
    "funnel",
    "hours",
    "weekdays",
    "plans",
    "tries",
    "times",
    "causes",
    "codes",
    "delays",
    "periods",
    "subscriptions",
}


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def tables(length=30):
    return analytics.of(ours(), days.last_days(length)).tables


def rows(name, length=30):
    return tables(length)[name].rows


def test_nothing_at_all_is_empty_tables_without_a_division_by_zero(app):
    found = tables()
    assert set(found) == NAMES
    assert all(table.empty for table in found.values())
    assert [row[2] for row in found["funnel"].rows] == [None] * 4


def test_the_funnel_narrows_from_asking_to_paid(plan):
    for body in (paid, failing(1), failing(1032), failing(1037)):
        attempt(plan, body)
    assert rows("funnel") == [
        ("Asked", 4, 100),
        ("On the phone", 3, 75),
        ("PIN typed", 2, 50),
        ("Paid", 1, 25),
    ]


def test_success_is_told_by_hour_weekday_plan_and_try(plan, noon):
    first = attempt(plan, failing(1))
    noon.shift(180)
    _, hook = again(first)
    factories.deliver(hook, factories.success(checkout_id="ws_CO_again"))
    work.settle_inbox()
    found = tables()
    assert found["hours"].rows[12] == ("12:00", 2, 2, 1, 50, 100)
    assert found["hours"].rows[13] == ("13:00", 0, 0, 0, None, None)
    assert found["weekdays"].rows[5] == ("Saturday", 2, 2, 1, 50, 100)
    assert found["plans"].rows == [("Standard", 2, 2, 1, 50, 100)]
    assert [row[:2] for row in found["tries"].rows] == [
        ("First", 1),
        ("Second", 1),
        ("Third or later", 0),
    ]


def test_time_to_pay_is_told_for_each_day(plan):
    for seconds in (10, 20, 40):
        attempt(plan, paid, after=seconds)
    last = rows("times", 2)
    assert last == [(date(2026, 11, 20), 0, None, None), (date(2026, 11, 21), 3, 20, 40)]


def test_codes_are_told_apart_within_a_cause_and_over_time(plan):
    with ago(days=2):
        attempt(plan, failing(1037))
    for code in (1037, 1036):
        attempt(plan, failing(code))
    assert [row[:3] for row in rows("causes")] == [
        ("Phone not reached", "1037", 2),
        ("Phone not reached", "1036", 1),
    ]
    assert rows("codes") == [
        (date(2026, 11, 19), "Phone not reached", "1037", 1),
        (date(2026, 11, 21), "Phone not reached", "1036", 1),
        (date(2026, 11, 21), "Phone not reached", "1037", 1),
    ]


def test_how_long_the_message_took_and_what_came_without_one(plan):
    for seconds in (9, 10, 25, 61, 400):
        attempt(plan, paid, after=seconds)
    found_by_asking(attempt(plan))
    assert [count for _, count in rows("delays")] == [1, 1, 1, 0, 1, 1, 1]
    assert len(rows("delays")) == len(DELAYS) + 1


def test_the_days_tell_what_was_found_by_asking_and_what_came_late(plan):
    found_by_asking(attempt(plan))
    found_by_asking(attempt(plan, failing(1037)))
    [row] = rows("periods", 1)
    assert row == (date(2026, 11, 21), 2, 2, 2, 100, 100, 1000, 2, 1, 500)


@pytest.mark.parametrize(
    ("length", "step", "first"),
    [
        (1, "day", date(2026, 11, 21)),
        (31, "day", date(2026, 10, 22)),
        (32, "week", date(2026, 10, 19)),
        (182, "week", date(2026, 5, 18)),
        (183, "month", date(2026, 5, 1)),
        (365, "month", date(2025, 11, 1)),
    ],
)
def test_a_longer_time_is_told_in_longer_steps(plan, length, step, first):
    attempt(plan, paid)
    found = analytics.of(ours(), days.last_days(length))
    assert found.step == step
    assert found.tables["periods"].rows[0][0] == first
    assert [row[3] for row in found.tables["periods"].rows if row[3]] == [1]


def test_every_period_of_a_span_is_there_once():
    span = Span(date(2026, 1, 30), date(2026, 3, 2))
    assert days.periods(span, "month") == [date(2026, n, 1) for n in (1, 2, 3)]
    assert len(days.periods(span, "day")) == span.days == 32
    assert all(day.weekday() == 0 for day in days.periods(span, "week"))
    assert span.before() == Span(span.first - 32 * DAY, span.first - DAY)


def test_the_database_and_we_begin_weeks_and_months_alike(plan):
    for back in (50, 21, 20, 7, 6, 5, 0):
        with ago(days=back):
            attempt(plan, failing(1))
    for step in ("day", "week", "month"):
        found = figures.read(ours(), days.last_days(60), step)
        assert set(found.periods) <= set(days.periods(found.span, step))


def test_a_table_is_a_file_that_no_spreadsheet_runs(plan):
    plan.name = "=cmd()"
    db.session.commit()
    attempt(plan, paid)
    text = sheets.as_csv(tables()["plans"])
    assert text.startswith("\ufeffPlan,Asked,Ended,Paid,Completed,Technical\r\n")
    assert text.splitlines()[1] == "'=cmd(),1,1,1,100.0,100.0"
