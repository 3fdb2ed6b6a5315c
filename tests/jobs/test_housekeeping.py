from datetime import timedelta

import pytest
import structlog
import time_machine
from sqlalchemy import func, select, text

from app import clock
from app.extensions import db
from app.jobs import housekeeping
from app.payments import inbox
from app.payments.models import Callback
from tests import factories


@pytest.fixture
def said(app):
    with structlog.testing.capture_logs() as events:
        yield events


def names(said):
    return [event["event"] for event in said]


def test_the_ends_of_the_chains_go_to_the_log(plan, said):
    housekeeping.hourly()
    [head] = [event for event in said if event["event"] == "audit head"]
    assert head["seq"] >= 1
    assert len(head["hash"]) == 64


def test_messages_with_a_wrong_token_are_forgotten_after_a_day(plan):
    inbox.receive_stray(b"x", None)
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        housekeeping.hourly()
    assert db.session.scalar(select(func.count()).select_from(Callback)) == 1


def test_right_books_are_said_to_be_right(plan, said):
    assert housekeeping.check_books()
    assert names(said) == ["books are right"]


@pytest.mark.breaks_books
def test_wrong_books_are_an_error_in_the_log(plan, said):
    factories.pending(plan)
    db.session.execute(text("update payment set verified_by = null, code = 'x'"))
    db.session.execute(text("alter table payment disable trigger payment_moves"))
    db.session.execute(text("update payment set status = 'paid', paid_at = now()"))
    db.session.execute(text("alter table payment enable trigger payment_moves"))
    db.session.commit()
    assert not housekeeping.check_books()
    assert "books are wrong" in names(said)


def test_things_are_done_by_the_hour_and_by_night(app, said):
    with time_machine.travel("2026-11-21T20:00:00Z", tick=False) as traveller:
        keeping = housekeeping.Housekeeping()
        for _ in range(10 * 60):
            keeping.do_what_is_due()
            traveller.shift(60)
        keeping.finish()
    assert names(said).count("strays purged") == 10
    assert names(said).count("books are right") == 1


def test_the_books_are_checked_beside_the_sweep(plan, said):
    """Somebody holds what a rule reads: the night's check waits for it, and what is due does not."""
    with time_machine.travel("2026-11-21T23:30:00Z", tick=True):
        keeping = housekeeping.Housekeeping()
        with db.engine.connect() as other:
            other.execute(text("lock table allocation in access exclusive mode"))
            keeping.do_what_is_due()
            assert "strays purged" in names(said)
            assert "books are right" not in names(said)
        keeping.finish()
    assert "books are right" in names(said)
