"""A list's address: read, and written again."""

from datetime import UTC, datetime

import pytest
import time_machine

from app import merchants
from app.desk import asked
from tests import factories


@pytest.fixture
def read(app, plan):
    merchant_id = merchants.named("default").id
    return lambda **args: asked.read(asked.clean(args), merchant_id)


def test_every_filter_is_read(read, plan):
    args = {"status": "failed", "plan": "standard", "amount": "1,499", "reason": "cancelled"}
    wanted = read(**args)
    assert wanted.errors == {}
    filters = wanted.filters
    assert (filters.tab, filters.plan_id, filters.amount) == ("failed", plan.id, 1499)
    assert filters.reason == "cancelled"
    assert wanted.query() == "status=failed&plan=standard&amount=1%2C499&reason=cancelled"


@time_machine.travel("2026-11-21T22:30:00Z", tick=False)  # in Nairobi the 22nd has begun
@pytest.mark.parametrize(
    ("args", "since", "until"),
    [
        ({"days": "today"}, (21, 21), (22, 21)),
        ({"days": "yesterday"}, (20, 21), (21, 21)),
        ({"days": "7"}, (15, 21), (22, 21)),
        ({"from": "2026-11-02", "to": "2026-11-03"}, (1, 21), (3, 21)),
        ({"from": "2026-11-02", "to": "2026-11-02", "days": "today"}, (1, 21), (2, 21)),
    ],
)
def test_days_are_nairobis(read, args, since, until):
    filters = read(**args).filters
    assert (filters.since, filters.until) == (at(*since), at(*until))


def at(day, hour):
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_one_end_of_the_days_is_enough(read):
    assert read(**{"from": "2026-11-02"}).filters.until is None
    assert read(to="2026-11-02").filters.since is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "refunded"),
        ("days", "90"),
        ("from", "2026-02-30"),
        ("from", "yesterday"),
        ("from", "9999-12-31"),
        ("to", "20261123"),
        ("to", "2026-W01-1"),
        ("plan", "nonesuch"),
        ("plan", "' or 1=1 --"),
        ("amount", "0"),
        ("amount", "-5"),
        ("amount", "14.99"),
        ("amount", "250001"),
        ("amount", "99999999999999999999"),
        ("amount", "١٤٩٩"),
        ("reason", "bad luck"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(read, name, value):
    wanted = read(**{name: value})
    assert list(wanted.errors) == [name]
    assert wanted.errors[name].endswith(".")
    assert wanted.typed[name] == value


def test_days_that_end_before_they_begin(read):
    wanted = read(**{"from": "2026-11-03", "to": "2026-11-02"})
    assert wanted.errors == {"to": "The last day is before the first."}


@pytest.mark.parametrize("amount", ["1499", "1,499", "KSh 1,499", "ksh1499", " 1499 "])
def test_an_amount_as_people_write_it(read, amount):
    assert read(amount=amount).filters.amount == 1499


def test_another_merchants_plan_is_none(read, app):
    factories.plan(factories.merchant(), code="theirs")
    assert "plan" in read(plan="theirs").errors


def test_what_cannot_be_kept_is_left_out(read):
    wanted = read(q="a\x00b\u202ec\nd" + "e" * 200, color="red", plan="")
    assert wanted.typed == {"q": ("abcd" + "e" * 200)[:100]}


def test_only_known_filters_are_kept_in_a_view(app):
    kept = asked.clean_query("status=paid&evil=1&q=a%00b&before=1-2&status=failed", 1)
    assert kept == "status=failed&q=ab"


def test_a_view_keeps_no_phone_number(app):
    assert asked.clean_query("q=0712+345+678", 1) == "phone=0"


def test_a_changed_filter_leaves_the_others(read):
    wanted = read(status="paid", plan="standard")
    assert wanted.query(status="failed", plan="") == "status=failed"
