"""What a reviewer once found in the questions to Safaricom: it stays mended."""

import re
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event, select

from app import clock
from app.daraja import Accepted, Answer, Verdict
from app.extensions import db
from app.jobs import work
from app.payments import buckets, charging, customer, reconciliation, schedule
from app.payments.alerts import Alert
from tests import factories
from tests.conftest import DARAJA
from tests.payments.test_concurrency import at_once

QUERY = f"{DARAJA}/mpesa/stkpushquery/v1/query"
STILL = Answer(Verdict.PENDING, "4999", None)
PAID = Answer(Verdict.PAID, "0", None)
SILENT = {"body": "<html>", "status": 503}
MINUTE = timedelta(minutes=1)


def said(code):
    return {"json": {"ResponseCode": "0", "ResultCode": code, "ResultDesc": "x"}}


def questions(wire):
    return len([call for call in wire.calls if call.request.url == QUERY])


def clock_at(at):
    return time_machine.travel(at, tick=False)


def tap(payment):
    customer.entered(customer.payment(payment.token))
    db.session.commit()


def ask_all():
    while work.ask_one():
        pass


def answered(payment, answer):
    reconciliation.answered(payment.id, answer)
    db.session.commit()


def claimed():
    question = reconciliation.claim()
    db.session.commit()
    return question.payment_id if question else None


def settled(hook, body, **more):
    callback_id = factories.deliver(hook, body, **more)
    work.settle_inbox()
    return factories.callback(callback_id).outcome


def alerts():
    return list(db.session.scalars(select(Alert.kind).order_by(Alert.id)))


def asked_at_its_time(payment, times):
    """Lets time pass until each of the next questions is due; answers how many there were."""
    asked = 0
    while asked < times and (due := factories.fresh(payment.id).next_question_at):
        with clock_at(max(due, clock.now()) + timedelta(seconds=1)):
            ask_all()
        asked += 1
    return asked


def test_thirty_taps_are_at_most_ten_questions_and_use_up_no_step(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, **said("4999"))
    with clock_at(payment.accepted_at) as traveller:
        for _ in range(30):
            tap(payment)
            traveller.shift(9)
            ask_all()
        assert payment.next_question_at > clock.now()
    assert payment.status == "pending"
    assert payment.hurries == 10
    assert payment.questions <= 5  # 20, 45, 75, 120 and perhaps 300 seconds
    assert 10 <= questions(safaricom) <= 10 + payment.questions


def test_taps_while_the_prompt_is_being_sent_ask_nothing_and_lose_no_later_question(plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    with clock_at(clock.now()) as traveller:
        for _ in range(10):
            tap(payment)
            traveller.shift(9)
            assert not work.ask_one()
        assert payment.status == "sending"
        charging.accepted(payment.id, Accepted("1", "ws_CO_1"))
        db.session.commit()
        assert clock.now() < payment.next_question_at <= clock.now() + timedelta(seconds=24)
    assert (payment.status, payment.questions) == ("pending", 0)


def test_what_an_outage_of_ours_missed_is_not_asked_all_at_once(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, **SILENT)
    with clock_at(payment.accepted_at + timedelta(hours=2)) as traveller:
        charging.give_up_waiting()
        db.session.commit()
        for _ in range(20):
            ask_all()
            traveller.shift(60)
        assert payment.next_question_at > clock.now() + timedelta(hours=2)
    assert payment.status == "unconfirmed"
    assert questions(safaricom) == 1


def test_a_hurry_while_a_question_is_under_way_is_not_lost(plan):
    payment, _ = factories.pending(plan)
    with clock_at(payment.accepted_at + timedelta(seconds=25)) as traveller:
        assert claimed() == payment.id
        traveller.shift(0.5)
        tap(payment)
        traveller.shift(0.5)
        answered(payment, STILL)
        assert payment.question_rank == schedule.URGENT
        traveller.shift(schedule.MIN_GAP)
        assert claimed() == payment.id


def news(plan, hook, payment):
    """What may arrive while a question is under way."""
    return {
        "nothing": lambda: None,
        "a tap": lambda: tap(payment),
        "a message that is held": lambda: settled(hook, factories.success(amount=300)),
        "a failure that is held": lambda: settled(hook, factories.failure(checkout_id="other")),
        "a success": lambda: settled(hook, factories.success()),
    }


@pytest.mark.parametrize("what", news(None, None, None))
def test_nobody_else_asks_about_a_payment_while_a_question_is_under_way(plan, what):
    payment, hook = factories.pending(plan)
    with clock_at(payment.accepted_at + timedelta(seconds=25)) as traveller:
        assert claimed() == payment.id
        end = clock.now() + schedule.longest_call()
        traveller.shift(1)
        news(plan, hook, payment)[what]()
        asked = 0
        while clock.now() < end - timedelta(seconds=10):
            traveller.shift(9)
            asked += claimed() is not None
    assert asked == 0


def test_a_merchant_whose_secret_does_not_open_holds_up_no_others_question(plan, safaricom):
    bad = factories.merchant("bad")
    theirs, _ = factories.pending(
        factories.plan(bad), phone="254722000000", checkout_id="ws_CO_bad"
    )
    bad.consumer_secret = b"\x01\x02k9" + b"x" * 40
    ours, _ = factories.pending(plan)
    safaricom.post(QUERY, **said("0"))
    at = clock.now() + MINUTE
    theirs.next_question_at = at - timedelta(seconds=30)  # before ours
    ours.next_question_at = at
    db.session.commit()
    with clock_at(at):
        ask_all()
    assert ours.status == "paid"
    assert theirs.status == "pending"
    assert theirs.next_question_at == at + timedelta(hours=1)
    for hours in (1, 2, 3):
        with clock_at(at + timedelta(hours=hours)):
            ask_all()
    assert theirs.next_question_at == at + timedelta(hours=4)
    assert alerts() == ["cannot_ask"]


@contextmanager
def meeting(*places):
    """Thread n waits for the other one after its first statement that matches places[n].

    Yields what a thread calls, with its number, before it begins.
    """
    barrier, mine = threading.Barrier(len(places)), threading.local()

    def arrive(n):
        mine.place = places[n]

    def after(_connection, _cursor, statement, *_):
        place = getattr(mine, "place", None)
        if place and re.search(place, statement, re.DOTALL):
            mine.place = None
            with suppress(threading.BrokenBarrierError):
                barrier.wait(2)

    listen = (db.engine, "after_cursor_execute", after)
    event.listen(*listen)
    try:
        yield arrive
    finally:
        event.remove(*listen)


def test_two_askers_with_two_empty_budgets_do_not_lock_each_other_out(app, plan, set_setting):
    set_setting(query_budget_per_minute=1)
    other = factories.plan(factories.merchant())
    for n, sold in enumerate((plan, other, plan, other)):
        payment, _ = factories.pending(sold, phone=f"25471100000{n}", checkout_id=f"ws_CO_{n}")
        payment.next_question_at = clock.now() - timedelta(seconds=60 - n)
    for shortcode in ("174379", "600123"):
        buckets.drain(f"questions:{shortcode}", buckets.Rate(1, 1 / 60), seconds=600)
    db.session.commit()

    def claim(n):
        arrive(n)
        return claimed()

    with meeting("rate_bucket", "rate_bucket") as arrive:
        assert at_once(app, claim, 2) == [None, None]
