"""A day's figures, signed by a person, never changed afterwards."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from app import clock, merchants
from app.audit import AuditEvent
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.payments import booking, closing, reallocating, statements
from app.payments.staff_models import DailyClose
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import at_once, count_of


def default():
    return merchants.named("default")


@pytest.fixture
def yesterday(plan):
    """A day with a payment that was paid, one that failed, and money without an owner."""
    with time_machine.travel(clock.now() - timedelta(days=1), tick=False):
        _, hook = factories.pending(plan)
        now = f"{clock.now().astimezone(clock.NAIROBI):%Y%m%d%H%M%S}"
        body = factories.success().replace(b"20261121144300", now.encode())
        factories.deliver(hook, body)
        _, other = factories.pending(plan, "254722000001", "ws_CO_2")
        factories.deliver(other, factories.failure(checkout_id="ws_CO_2"))
        work.settle_inbox()
        by_hand.suspended(70)
    return closing.today() - timedelta(days=1)


def figures(day):
    return closing.figures(default(), day)


def signed(day, note="", act=None):
    close = closing.sign(
        default(), day, closing.digest(figures(day)), act or by_hand.act(reason=note)
    )
    db.session.commit()
    return close


def test_the_figures_of_a_day(yesterday):
    assert figures(yesterday) == {
        "receipts": 2,
        "received": 570,
        "received.callback": 570,
        "on_invoices": 500,
        "on_balances": 0,
        "in_suspense": 70,
        "books_agree": True,
        "payments.paid": 1,
        "payments.failed": 1,
        "suspense_total": 70,
        "alerts": 0,
        "statement_covers": False,
        "differences": 0,
    }


def test_a_quiet_day_and_another_merchants_day_are_empty(yesterday):
    other = factories.merchant()
    assert closing.figures(other, yesterday) == closing.figures(
        default(), yesterday - timedelta(9)
    ) | {"suspense_total": 0}
    assert closing.figures(other, yesterday)["received"] == 0


def test_signing_keeps_the_figures_and_tells_the_audit(yesterday):
    someone = by_hand.person("owner")
    close = signed(yesterday, act=by_hand.act(someone, "counted"))
    assert close.figures == figures(yesterday)
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.action, event.actor) == ("day.closed", f"staff:{someone.id}")
    assert event.details["note"] == "counted"


def test_money_that_comes_later_shows_as_a_difference(yesterday):
    close = signed(yesterday)
    noon = closing.bounds(yesterday)[0] + timedelta(hours=12)
    receipt = by_hand.suspended(500)
    assert closing.changes(close, figures(yesterday)) == []
    by_hand.taken_in(by_hand.row("TKLLATE001", noon), since=noon - timedelta(days=1))
    late = statements.book(by_hand.line("TKLLATE001"), by_hand.person().id)
    db.session.commit()
    changed = {change.name: change.now for change in closing.changes(close, figures(yesterday))}
    assert changed.pop("differences") == 2  # our two receipts are not in that statement
    assert changed.pop("statement_covers") is True
    assert changed == {
        "receipts": 3,
        "received": 1070,
        "received.statement": 500,
        "in_suspense": 570,
    }
    assert close.figures["received"] == 570
    assert late.id > receipt.id


def test_money_that_moves_later_shows_too(yesterday):
    close = signed(yesterday)
    [(receipt, _)] = booking.in_suspense()
    jane = reallocating.whose(default().id, "0712 345 678")
    reallocating.allocate(receipt.id, jane.id, 70, by_hand.act())
    db.session.commit()
    changed = {change.name: change.now for change in closing.changes(close, figures(yesterday))}
    assert changed == {"in_suspense": 0, "on_balances": 70}


@pytest.mark.parametrize("days", [0, 1])
def test_only_a_day_that_is_over_is_signed(plan, days):
    day, act = closing.today() + timedelta(days=days), by_hand.act()
    with pytest.raises(Refused, match="over"):
        closing.sign(default(), day, closing.digest(figures(day)), act)


def test_nobody_signs_what_they_did_not_see(yesterday):
    seen, act = closing.digest(figures(yesterday)), by_hand.act()
    with time_machine.travel(clock.now() - timedelta(days=1), tick=False):
        by_hand.suspended(30)
    with pytest.raises(Refused, match="changed while you looked"):
        closing.sign(default(), yesterday, seen, act)


def test_differences_want_a_note(yesterday):
    noon = closing.bounds(yesterday)[0] + timedelta(hours=12)
    by_hand.taken_in(by_hand.row(at=noon, paid_in="400.00"), since=noon)
    act = by_hand.act(reason=" ")
    with pytest.raises(Refused, match="write a note"):
        closing.sign(default(), yesterday, closing.digest(figures(yesterday)), act)
    assert signed(yesterday, "asked M-PESA").note == "asked M-PESA"


def test_a_day_is_signed_once(yesterday):
    someone = by_hand.person()
    first = signed(yesterday, act=by_hand.act(someone))
    assert signed(yesterday, act=by_hand.act(someone)) == first
    seen, act = closing.digest(figures(yesterday)), by_hand.act()
    with pytest.raises(Refused, match="Somebody else"):
        closing.sign(default(), yesterday, seen, act)


def test_ten_people_sign_a_day_once(app, yesterday):
    seen, acts = closing.digest(figures(yesterday)), [by_hand.act() for _ in range(10)]

    def sign(n):
        try:
            closing.sign(default(), yesterday, seen, acts[n])
            db.session.commit()
        except Refused:
            db.session.rollback()
            return 0
        return 1

    assert sum(at_once(app, sign, 10)) == 1
    assert count_of(DailyClose) == 1


def test_what_was_signed_stays(yesterday):
    signed(yesterday)
    with pytest.raises(Exception, match="append-only"):
        db.session.execute(text("update daily_close set note = 'x'"))
    db.session.rollback()


def test_a_day_is_nairobis(plan):
    since, until = closing.bounds(closing.today())
    assert since.hour == 0
    assert until - since == timedelta(days=1)
    assert since.utcoffset() == timedelta(hours=3)
