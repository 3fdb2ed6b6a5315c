"""A period is what was paid for, in Nairobi's calendar (M11)."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing import periods
from app.clock import NAIROBI

MONTHS = st.sampled_from([("month", 1), ("quarter", 3), ("year", 12)])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2120, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def at(day, time="12:34:56.789"):
    return datetime.fromisoformat(f"{day}T{time}+03:00")


def ends(start, unit="month", every=1, anchor=None):
    anchor = anchor or periods.anchor_day(start)
    return periods.end_of_period(start, unit, every, anchor)


@pytest.mark.parametrize(
    ("start", "unit", "every", "end"),
    [
        ("2027-01-15", "month", 1, "2027-02-15"),
        ("2027-01-31", "month", 1, "2027-02-28"),
        ("2028-01-31", "month", 1, "2028-02-29"),
        ("2100-01-31", "month", 1, "2100-02-28"),  # a century that is no leap year
        ("2027-01-29", "month", 1, "2027-02-28"),
        ("2028-01-29", "month", 1, "2028-02-29"),
        ("2027-03-31", "month", 1, "2027-04-30"),
        ("2027-12-31", "month", 1, "2028-01-31"),
        ("2027-12-31", "month", 2, "2028-02-29"),
        ("2027-11-30", "quarter", 1, "2028-02-29"),
        ("2026-11-30", "quarter", 1, "2027-02-28"),
        ("2027-01-31", "quarter", 1, "2027-04-30"),
        ("2027-10-15", "quarter", 2, "2028-04-15"),
        ("2027-06-01", "year", 1, "2028-06-01"),
        ("2028-02-29", "year", 1, "2029-02-28"),
        ("2028-02-29", "year", 4, "2032-02-29"),
        ("2096-02-29", "year", 4, "2100-02-28"),
        ("2027-02-27", "day", 1, "2027-02-28"),
        ("2027-02-28", "day", 1, "2027-03-01"),
        ("2028-02-28", "day", 1, "2028-02-29"),
        ("2027-12-31", "day", 30, "2028-01-30"),
        ("2027-12-28", "week", 1, "2028-01-04"),
        ("2028-02-26", "week", 2, "2028-03-11"),
    ],
)
def test_the_calendar_decides_how_long_a_period_is(start, unit, every, end):
    assert ends(at(start), unit, every) == at(end)


@pytest.mark.parametrize(
    ("year", "february"), [(2027, 28), (2028, 29), (2100, 28), (2000, 29), (2400, 29)]
)
@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_the_last_days_of_january_become_the_last_of_february_and_return_in_march(
    year, february, day
):
    start = at(f"{year}-01-{day}")
    second = ends(start)
    third = ends(second, anchor=day)
    fourth = ends(third, anchor=day)
    assert second == at(f"{year}-02-{min(day, february)}")
    assert third == at(f"{year}-03-{day}")
    assert fourth == at(f"{year}-04-{min(day, 30)}")


@pytest.mark.parametrize("anchor", range(1, 32))
def test_ten_years_of_months_never_drift(anchor):
    end = at(f"2027-01-{anchor:02}")
    for month in range(1, 121):
        end = ends(end, anchor=anchor)
        year, month0 = divmod(month, 12)
        last = monthrange(2027 + year, month0 + 1)[1]
        assert end == at(date(2027 + year, month0 + 1, min(anchor, last)).isoformat())


def test_a_leap_days_year_returns_to_it():
    end = at("2028-02-29")
    days = []
    for _ in range(4):
        end = ends(end, "year", anchor=29)
        days.append(end)
    expected = ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
    assert days == [at(day) for day in expected]


@pytest.mark.parametrize(
    ("start", "anchor", "end"),
    [
        # Late in the evening of UTC it is the next day in Nairobi.
        ("2027-01-31T20:59:59+00:00", 31, "2027-02-28T20:59:59+00:00"),
        ("2027-01-31T21:00:00+00:00", 1, "2027-02-28T21:00:00+00:00"),
        ("2027-01-30T21:30:00+00:00", 31, "2027-02-27T21:30:00+00:00"),
        ("2028-02-28T21:30:00+00:00", 29, "2028-03-28T21:30:00+00:00"),
        ("2027-12-31T23:00:00+00:00", 1, "2028-01-31T23:00:00+00:00"),
    ],
)
def test_the_day_is_nairobis_on_both_sides_of_midnight(start, anchor, end):
    start = datetime.fromisoformat(start)
    assert periods.anchor_day(start) == anchor
    assert ends(start) == datetime.fromisoformat(end)


def test_a_period_speaks_the_time_zone_it_was_asked_in():
    assert ends(datetime(2027, 1, 31, tzinfo=UTC)).tzinfo is UTC
    assert ends(at("2027-01-31").astimezone(NAIROBI)).tzinfo is NAIROBI


@given(start=MOMENTS, unit=MONTHS, every=st.integers(1, 100), anchor=st.integers(1, 31))
def test_months_later_is_later_and_never_past_the_anchor(start, unit, every, anchor):
    name, length = unit
    end = periods.end_of_period(start, name, every, anchor)
    local, until = start.astimezone(NAIROBI), end.astimezone(NAIROBI)
    assert end > start
    assert until.day == min(anchor, monthrange(until.year, until.month)[1])
    assert until.time() == local.time()
    passed = (until.year - local.year) * 12 + until.month - local.month
    assert passed == every * length


@given(
    start=MOMENTS,
    unit=st.sampled_from([("day", 1), ("week", 7)]),
    every=st.integers(1, 1000),
    anchor=st.integers(1, 31),
)
def test_days_and_weeks_are_so_many_days_whatever_the_anchor(start, unit, every, anchor):
    name, days = unit
    assert periods.end_of_period(start, name, every, anchor) == start + timedelta(days=days * every)


@given(start=MOMENTS, lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_one_long_period_is_as_long_as_its_parts(start, lengths):
    anchor = periods.anchor_day(start)
    end = start
    for months in lengths:
        end = periods.end_of_period(end, "month", months, anchor)
    assert end == periods.end_of_period(start, "month", sum(lengths), anchor)
