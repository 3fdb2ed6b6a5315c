"""The chain of audit events, checked step by step."""

from datetime import timedelta

import pytest
import structlog
import time_machine
from sqlalchemy import text

from app import audit, clock, merchants
from app.desk import chain
from app.extensions import db
from app.jobs import housekeeping
from tests import factories

EVENTS = 10


@pytest.fixture
def merchant(app):
    found = merchants.named("default")
    for n in range(EVENTS):
        audit.record(found, "test.happened", actor="test", n=n)
        db.session.commit()
    return found


def check(merchant):
    chain.check_now(merchant.id)
    db.session.commit()
    return chain.result(merchant.id)


def without_triggers(statement):
    db.session.execute(text("set local session_replication_role = replica"))
    db.session.execute(text(statement))
    db.session.commit()


def test_what_was_never_checked_says_so(merchant):
    assert chain.of(merchant.id) is None
    assert chain.result(merchant.id) is None


def test_a_whole_chain_is_found_whole(merchant):
    assert check(merchant) is None
    found = chain.of(merchant.id)
    assert (found.checked_seq, found.begun_at) == (EVENTS, None)
    assert found.checked_at is not None


def test_a_merchant_without_events_has_a_whole_chain(app):
    assert check(factories.merchant()) is None


@pytest.mark.parametrize("most", [1, 3, 5, EVENTS, 100])
def test_it_is_checked_a_few_events_at_a_time(merchant, most):
    chain.begin(merchant.id)
    steps = 1
    while chain.step(merchant.id, most):
        db.session.commit()
        steps += 1
    assert steps == max(1, -(-EVENTS // most))
    assert chain.of(merchant.id).checked_seq == EVENTS


def test_what_is_added_meanwhile_is_checked_by_the_end_or_the_next_time(merchant):
    chain.begin(merchant.id)
    assert chain.step(merchant.id, 4)
    audit.record(merchant, "test.happened", actor="test")
    db.session.commit()
    while chain.step(merchant.id, 4):
        pass
    assert chain.of(merchant.id).checked_seq == EVENTS + 1
    assert chain.result(merchant.id) is None


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update audit_event set actor = 'x' where seq = 4", "event 4 was changed"),
        ("update audit_event set details = '{}' where seq = 10", "event 10 was changed"),
        ("delete from audit_event where seq = 4", "event 4 is missing"),
        ("delete from audit_event where seq between 4 and 6", "event 4 is missing"),
        ("delete from audit_event where seq = 1", "event 1 is missing"),
        ("delete from audit_event where seq > 7", "the chain ends at 7, its head says 10"),
        ("delete from audit_event", "the chain ends at 0, its head says 10"),
        ("update audit_head set seq = 7", "the head does not fit event 7"),
        ("update audit_head set hash = 'x'", "the head does not fit event 10"),
        (
            "update audit_head set seq = 7, hash = (select hash from audit_event where seq = 7)",
            "the chain goes on to 10, its head says 7",
        ),
    ],
)
@pytest.mark.parametrize("most", [3, 100])
def test_damage_is_found_wherever_a_step_ends(merchant, damage, said, most):
    without_triggers(damage)
    chain.begin(merchant.id)
    while chain.step(merchant.id, most):
        pass
    db.session.commit()
    assert chain.result(merchant.id) == said


def test_a_chain_that_was_mended_is_whole_again(merchant):
    without_triggers("update audit_event set actor = 'x' where seq = 4")
    assert check(merchant) == "event 4 was changed"
    without_triggers("update audit_event set actor = 'test' where seq = 4")
    assert check(merchant) is None


def test_the_night_checks_every_chain_and_a_broken_one_is_an_error(merchant):
    with time_machine.travel("2026-11-21T22:30:00Z", tick=False) as traveller:
        keeping = housekeeping.Housekeeping()
        without_triggers("update audit_event set actor = 'x' where seq = 4")
        with structlog.testing.capture_logs() as said:
            for _ in range(10):
                traveller.shift(timedelta(minutes=5))
                keeping.do_what_is_due()
            keeping.finish()
        assert chain.of(merchant.id).checked_at > clock.now() - timedelta(hours=1)
    [told] = [event for event in said if event["event"] == "audit chain checked"]
    assert (told["log_level"], told["wrong"]) == ("error", "event 4 was changed")
