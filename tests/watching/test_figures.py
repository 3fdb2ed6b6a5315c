"""What the last minutes say, from rows as payments leave them."""

import pytest
import time_machine

from app import audit, clock, merchants
from app.daraja import Answer, Reason, Refused, Verdict
from app.extensions import db
from app.jobs import readings
from app.payments import alerts, charging, inbox, reconciliation
from app.watching import house
from tests import factories
from tests.desk.telling import ago, attempt, failing, paid
from tests.payments import by_hand, renewed


@pytest.fixture
def read(app):
    """The readings, by metric and labels."""

    def look():
        found = readings.take()
        db.session.rollback()
        return {(one.metric, *map(one.labels.get, sorted(one.labels))): one.value for one in found}

    return look


def pushed(plan, end, minutes):
    """A push that ended before it was accepted."""
    with ago(minutes=minutes):
        payment = factories.bought(plan, f"2547140{next(factories.number):05}")
        factories.sent(payment)
        end(payment.id)
        db.session.commit()
    return payment


def refused(reason):
    return lambda payment_id: charging.refused(payment_id, Refused(reason, "500.001.1001", "No"))


def test_technical_success_leaves_out_what_customers_decided(read, plan):
    with ago(minutes=40):
        attempt(plan, failing(1025))  # too old to count
    with ago(minutes=5):
        for end in (paid, paid, paid, failing(1032), failing(1), failing(1025)):
            attempt(plan, end)
    with ago(minutes=1):
        attempt(plan, failing(1025))  # too new
    found = read()
    assert found["malipo_technical_attempts", "default"] == 4
    assert found["malipo_technical_success_ratio", "default"] == 0.75


def test_silence_is_no_technical_success(read, plan):
    with ago(minutes=10):
        attempt(plan, paid)
        attempt(plan)
    charging.give_up_waiting()
    db.session.commit()
    assert read()["malipo_technical_success_ratio", "default"] == 0.5


def test_for_how_many_prompts_the_message_came(read, plan):
    with ago(minutes=20):
        for body in (paid, failing(1032), failing(1037), None):
            attempt(plan, body)
    with ago(minutes=2):
        attempt(plan)  # its message is still to come
    found = read()
    assert found["malipo_callbacks_expected", "default"] == 4
    assert found["malipo_callback_receipt_ratio", "default"] == 0.75


def test_prompts_of_the_last_minutes_and_their_messages(read, plan):
    with ago(minutes=4):
        attempt(plan)
        attempt(plan)
    assert read()["malipo_recent_prompts_answered", "default"] == 0
    with ago(minutes=3):
        attempt(plan, failing(1032))
    found = read()
    assert found["malipo_recent_prompts", "default"] == 3
    assert found["malipo_recent_prompts_answered", "default"] == 1


def test_an_api_fails_when_it_takes_no_push_that_is_right(read, plan):
    pushed(plan, refused(Reason.MERCHANT_PROBLEM), 9)
    pushed(plan, refused(Reason.NOT_REGISTERED), 8)  # the customer's number
    pushed(plan, charging.unanswered, 7)
    with ago(minutes=5):
        attempt(plan, paid)
    found = read()
    assert found["malipo_api_calls", "push", "default"] == 4
    assert found["malipo_api_error_ratio", "push", "default"] == 0.5


def test_an_api_fails_when_it_answers_no_question(read, plan):
    with ago(minutes=8):
        silent, told = attempt(plan), attempt(plan)
    with ago(minutes=6):
        for _ in range(2):
            assert reconciliation.claim()
        db.session.commit()
        reconciliation.answered(silent.id, Answer(Verdict.UNKNOWN, "HTTP 503"))
        reconciliation.answered(told.id, Answer(Verdict.PENDING, "4999"))
        db.session.commit()
    found = read()
    assert found["malipo_api_calls", "query", "default"] == 2
    assert found["malipo_api_error_ratio", "query", "default"] == 0.5


def test_an_address_that_tries_numbers_and_pays_nothing(read, plan):
    with ago(minutes=5):
        for n in range(3):
            payment = factories.bought(plan, f"25471500000{n}", "10.9.9.9")
            hook = factories.sent(payment)
            factories.accepted(payment, f"ws_CO_x{n}")
            factories.deliver(hook, factories.failure(1037, f"ws_CO_x{n}"))
    for message in (inbox.next_due() for _ in range(3)):
        reason = Reason.UNREACHABLE
        payment = factories.fresh(message.payment_id)
        payment.ended_at = clock.now()
        payment.move_to("failed", actor="safaricom", reason=reason)
        message.settled_at = clock.now()
        db.session.commit()
    found = read()
    assert found["malipo_worst_address_failures",] == 3
    assert found["malipo_worst_address_phones",] == 3
    with ago(minutes=4):
        attempt(plan, paid)  # from elsewhere: it speaks for its own address only
    assert read()["malipo_worst_address_phones",] == 3


@pytest.mark.parametrize(("hour", "count"), [("00:30", 0), ("23:10", 1)])
def test_what_happens_at_night_in_nairobi(read, plan, hour, count):
    with time_machine.travel(f"2026-11-21T{hour}:00Z", tick=False):
        with ago(minutes=5):
            attempt(plan, failing(1037) if hour == "23:10" else paid)
        found = read()
    assert found.get(("malipo_night_attempts_unpaid", "default"), 0) == count


def test_what_waits_by_age(read, plan):
    for minutes in (25 * 60, 70, 10):
        with ago(minutes=minutes):
            attempt(plan)
    charging.give_up_waiting()
    db.session.commit()
    found = read()
    aged = [found["malipo_unconfirmed", "default", age] for age in ("5m", "1h", "1d")]
    assert aged == [3, 2, 1]
    assert found["malipo_unrecovered", "default"] == 1
    assert found["malipo_work_due", "questions"] == 3
    assert found["malipo_work_oldest_seconds", "questions"] > 24 * 3600


def test_who_waits_to_be_asked(read, plan):
    with time_machine.travel(renewed.NOON, tick=False):
        for _ in range(3):
            renewed.subscribed(plan)
        assert renewed.run() == (3, 3, 0)
        renewed.queue()[0].end("void")
        db.session.commit()
        assert read()["malipo_work_due", "renewals"] == 2


def test_work_that_is_due_by_kind(read, plan):
    payment, hook = factories.pending(plan, "254712000009", "ws_CO_9")
    factories.bought(plan)
    with ago(minutes=3):
        factories.deliver(hook, b"{}")
    alerts.raise_for(payment, "contradiction", "Odd.")
    db.session.commit()
    found = read()
    assert found["malipo_work_due", "prompts"] == found["malipo_work_due", "callbacks"] == 1
    assert found["malipo_work_oldest_seconds", "callbacks"] == pytest.approx(180, abs=5)
    assert found["malipo_open_alerts", "contradiction"] == 1


def test_money_without_an_owner(read, app):
    by_hand.suspended(750)
    assert read()["malipo_suspense_shillings", "default"] == 750


def test_the_house(read, app):
    assert read()["malipo_scheduler_beat_age_seconds",] == float("inf")
    merchant = merchants.named("default")
    with ago(days=81):
        merchant.keep_secret(merchants.INITIATOR_PASSWORD, "x" * 12)
        audit.record(merchant, "merchant.test", actor="test")
    with ago(minutes=2):
        house.beat()
        house.books_said({"M1 x": 0, "M2 y": 3})
    house.books_said({"M2 y": 3})
    db.session.commit()
    found = read()
    assert found["malipo_scheduler_beat_age_seconds",] == pytest.approx(120, abs=5)
    assert found["malipo_books_check_age_seconds",] == pytest.approx(0, abs=5)
    assert [key for key in found if key[0] == "malipo_invariant_violations"] == [
        ("malipo_invariant_violations", "M2 y")
    ]
    assert found["malipo_initiator_password_age_days", "default"] == pytest.approx(81, abs=0.1)


def test_each_merchant_has_its_own_figures(read, plan):
    theirs = factories.plan(factories.merchant())
    with ago(minutes=5):
        attempt(plan, paid)
        attempt(theirs, failing(1025))
    found = read()
    assert found["malipo_technical_success_ratio", "default"] == 1
    assert found["malipo_technical_success_ratio", "duka"] == 0
