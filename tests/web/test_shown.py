"""Amounts, times and names, as the pages print them."""

import pytest

from app.web import face, shown
from tests.web.known import after, application


@pytest.fixture(autouse=True)
def visit():
    with application().test_request_context():
        yield


@pytest.mark.parametrize(
    "unit, every, often, long",
    [
        ("day", 1, "daily", "1 day"),
        ("week", 2, "every 2 weeks", "2 weeks"),
        ("month", 1, "monthly", "1 month"),
        ("quarter", 1, "quarterly", "3 months"),
        ("quarter", 2, "every 6 months", "6 months"),
        ("year", 3, "every 3 years", "3 years"),
    ],
)
def test_intervals_in_words(unit, every, often, long):
    assert shown.interval(unit, every) == often
    assert shown.period(unit, every) == long


@pytest.mark.parametrize(
    "support, href",
    [
        ("+254 722 000 111", "tel:+254722000111"),
        ("help@duka.test", "mailto:help@duka.test"),
        ("javascript:alert(1)", None),
        ("a@b?bcc=c", None),
        ("at the gate", None),
    ],
)
def test_only_a_number_or_an_address_becomes_a_link(support, href):
    assert shown.contact_href(support) == href


def test_amounts_times_and_names_look_kenyan():
    assert shown.ksh(1499) == "KSh\u00a01,499"
    assert shown.nairobi(after(0)) == "21 Nov 2026, 14:43"
    assert shown.minutes(65) == "1:05"
    assert shown.glued("<M-PESA>") == '&lt;<span class="nw">M-PESA</span>&gt;'
    assert face.plans_url("duka") == "/m/duka"
