"""What a list shows, page by page."""

from datetime import timedelta

import pytest

from app import clock, merchants
from app.daraja import Reason
from app.desk import listing
from app.desk.cursor import Cursor
from app.desk.filters import TABS, Filters, Found
from app.extensions import db
from app.payments.models import Payment
from tests import factories
from tests.desk import history

MINUTE = timedelta(minutes=1)


def mine(**filters):
    return Filters(merchants.named("default").id, **filters)


def ids(page):
    return [row.id for row in page.rows]


def test_the_newest_come_first_whatever_their_numbers(app, plan):
    old = history.failed(plan, 1, ago=timedelta(days=2))
    new = history.failed(plan, 2)
    older = history.failed(plan, 3, ago=timedelta(days=3))
    assert ids(listing.page(mine())) == [new.id, old.id, older.id]


def test_payments_of_one_moment_have_an_order_too(app, plan):
    moment = clock.now()
    made = [history.failed(plan, n) for n in range(5)]
    for payment in made:
        payment.created_at = moment
    db.session.commit()
    seen, cursor = [], None
    while True:
        page = listing.page(mine(), cursor, size=2)
        seen += ids(page)
        cursor = page.older
        if cursor is None:
            break
    assert seen == [payment.id for payment in reversed(made)]


@pytest.fixture
def seven(app, plan):
    """Newest first."""
    made = [history.failed(plan, n, ago=n * MINUTE) for n in range(7)]
    return [payment.id for payment in made]


def test_older_and_newer_lead_there_and_back(seven):
    first = listing.page(mine(), size=3)
    second = listing.page(mine(), first.older, size=3)
    third = listing.page(mine(), second.older, size=3)
    assert (ids(first), ids(second), ids(third)) == (seven[:3], seven[3:6], seven[6:])
    assert first.newer is None
    assert third.older is None
    assert ids(listing.page(mine(), third.newer, size=3)) == seven[3:6]
    assert ids(listing.page(mine(), second.newer, size=3)) == seven[:3]


def test_a_page_does_not_move_when_payments_come_in(seven, plan):
    first = listing.page(mine(), size=3)
    history.failed(plan, 20)
    assert ids(listing.page(mine(), first.older, size=3)) == seven[3:6]


def test_back_from_the_second_page_shows_a_full_first_one(seven, plan):
    second = listing.page(mine(), listing.page(mine(), size=3).older, size=3)
    new = history.failed(plan, 20)
    assert ids(listing.page(mine(), second.newer, size=3)) == seven[:3]
    newest = listing.page(mine(), listing.page(mine(), second.newer, size=3).newer, size=3)
    assert ids(newest) == [new.id, *seven[:2]]


def test_beyond_the_end_is_an_empty_page(seven):
    page = listing.page(mine(), Cursor(clock.now() - timedelta(days=9), 1))
    assert (page.rows, page.newer, page.older) == ([], None, None)


@pytest.fixture
def mixed(app, plan):
    """One of each, by name."""
    other = factories.plan(code="other", price=999)
    return {
        "paid": history.paid(plan, 1, ago=MINUTE),
        "cancelled": history.failed(plan, 2, ago=2 * MINUTE),
        "pin": history.failed(other, 3, "wrong_pin", ago=3 * MINUTE),
        "waiting": factories.pending(other, history.phone(4), "ws_CO_4")[0],
        "created": factories.bought(plan, history.phone(5)),
        "elsewhere": factories.bought(factories.plan(factories.merchant()), history.phone(6)),
    }


def names(found, mixed):
    by_id = {payment.id: name for name, payment in mixed.items()}
    return {by_id[one] for one in ids(found)}


def test_each_filter_and_some_together(mixed):
    plan_id = mixed["paid"].plan_id
    cases = [
        (mine(), {"paid", "cancelled", "pin", "waiting", "created"}),
        (mine(tab="paid"), {"paid"}),
        (mine(tab="failed"), {"cancelled", "pin"}),
        (mine(tab="waiting"), {"waiting", "created"}),
        (mine(tab="unconfirmed"), set()),
        (mine(plan_id=plan_id), {"paid", "cancelled", "created"}),
        (mine(amount=999), {"pin", "waiting"}),
        (mine(reason="wrong_pin"), {"pin"}),
        (mine(reason="wrong_pin", tab="failed"), {"pin"}),
        (mine(reason="wrong_pin", tab="paid"), set()),
        (mine(reason="wrong_pin", plan_id=plan_id), set()),
        (mine(reason="wrong_pin", amount=999), {"pin"}),
        (mine(plan_id=plan_id, amount=999), set()),
        (mine(plan_id=plan_id, amount=500, tab="failed"), {"cancelled"}),
        (mine(since=clock.now() - 2.5 * MINUTE, tab="failed"), {"cancelled"}),
        (mine(until=clock.now() - 2.5 * MINUTE, tab="failed"), {"pin"}),
        (mine(found=Found("x", Payment.id == mixed["paid"].id)), {"paid"}),
        (mine(found=Found("x", Payment.id == mixed["paid"].id), tab="failed"), set()),
        (mine(found=Found("x", Payment.id == mixed["elsewhere"].id)), set()),
        (mine(found=Found("nothing")), set()),
    ]
    for filters, expected in cases:
        assert names(listing.page(filters), mixed) == expected, filters
        counted = listing.counts(filters)
        assert counted[filters.tab] == len(expected), filters


def test_of_people_only_their_own_payments(mixed):
    person = mixed["pin"].invoice.subscription.subscriber_id
    assert names(listing.page(mine(found=Found("x", people=(person,)))), mixed) == {"pin"}
    assert listing.counts(mine(found=Found("x", people=(person,))))["failed"] == 1


def test_every_tab_is_counted_under_the_same_filters(mixed):
    assert listing.counts(mine()) == {
        "": 5,
        "paid": 1,
        "failed": 2,
        "waiting": 2,
        "unconfirmed": 0,
    }
    assert listing.counts(mine(amount=999, tab="paid"))[""] == 2
    assert listing.counts(mine(reason=Reason.CANCELLED))[""] == 1
    assert set(listing.counts(mine(found=Found("nothing"))).values()) == {0}


@pytest.mark.breaks_books
def test_counting_stops_where_nobody_reads_on(app, monkeypatch):
    history.fill(400)
    monkeypatch.setattr(listing, "MOST", 20)
    counted = listing.counts(mine())
    assert counted["paid"] == 21
    assert counted[""] > 20


def test_every_status_is_under_exactly_one_tab():
    statuses = [status for tab, those in TABS.items() if tab for status in those]
    assert sorted(statuses) == sorted(TABS[""])


def test_a_row_says_who_paid_what_when_and_how_quickly(app, plan):
    payment = history.named(history.paid(plan, 1), "Wanjiru Kamau")
    [row] = listing.page(mine()).rows
    assert (row.name, row.plan, row.amount, row.receipt) == (
        "Wanjiru Kamau",
        "Standard",
        500,
        "TKL4H7Q2MX",
    )
    assert row.phone == "0712\u00a0•••\u00a0001"
    assert row.reference == payment.invoice.reference
    assert row.seconds == int((payment.paid_at - payment.created_at).total_seconds())


def test_a_number_under_a_lost_key_does_not_lose_the_list(app, plan):
    payment = history.failed(plan)
    payment.phone_sealed = b"\x01\x02k9" + b"x" * 40
    db.session.commit()
    assert [row.phone for row in listing.page(mine()).rows] == ["Number unreadable"]
