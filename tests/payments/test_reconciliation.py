"""Asking Safaricom: when, in what order, under which budget, and what the answers come to."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text

from app import clock
from app.daraja import Answer, Reason, Verdict
from app.extensions import db
from app.jobs import work
from app.payments import charging, customer, reconciliation, schedule
from app.payments.alerts import Alert
from app.payments.models import Payment
from tests import factories
from tests.conftest import DARAJA

QUERY = f"{DARAJA}/mpesa/stkpushquery/v1/query"
SPIKE = {
    "fault": {
        "faultstring": "Spike arrest violation",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}


def query_answer(code, text="x"):
    return {
        "ResponseCode": "0",
        "CheckoutRequestID": "ws_CO_1",
        "ResultCode": code,
        "ResultDesc": text,
    }


def later(**duration):
    return time_machine.travel(clock.now() + timedelta(**duration))


def queries(wire):
    return [call for call in wire.calls if call.request.url == QUERY]


def ask_all():
    while work.ask_one():
        pass


def test_the_first_question_comes_after_about_twenty_seconds(plan):
    payment, _ = factories.pending(plan)
    wait = payment.next_question_at - payment.accepted_at
    assert timedelta(seconds=16) <= wait <= timedelta(seconds=24)
    assert reconciliation.claim() is None
    db.session.rollback()


def test_a_success_that_nobody_told_us_is_found(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, json=query_answer("0"))
    with later(seconds=25):
        ask_all()
    assert (payment.status, payment.verified_by) == ("paid", "query")
    assert payment.invoice.subscription.active


@pytest.mark.parametrize(
    "answer",
    [
        {"json": query_answer("4999")},
        {
            "json": {
                "errorCode": "500.001.1001",
                "errorMessage": "The transaction is being processed",
            },
            "status": 500,
        },
        {"json": {"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"}, "status": 500},
        {
            "json": {
                "errorCode": "400.002.02",
                "errorMessage": "Bad Request - Invalid CheckoutRequestID",
            },
            "status": 400,
        },
        {"json": query_answer("7777")},
        {"json": query_answer("1037")},  # too early to be believed
        {"body": "<html>", "status": 503},
    ],
)
def test_anything_but_a_definite_word_means_not_known_yet(plan, safaricom, answer):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, **answer)
    with later(seconds=25):
        ask_all()
        assert payment.next_question_at > clock.now()
    assert payment.status == "pending"
    assert payment.questions == 1


def test_a_definite_no_is_asked_twice_more_and_late_money_counts(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, json=query_answer("1032"))
    with later(seconds=60):
        ask_all()
    assert (payment.status, payment.reason) == ("failed", "expired")
    with later(minutes=7):
        ask_all()
    assert payment.rechecks == 1
    safaricom.replace("POST", QUERY, json=query_answer("0"))
    with later(minutes=20):
        ask_all()
    assert payment.status == "paid"


def test_after_two_rechecks_the_books_close(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, json=query_answer("1032"))
    for minutes in (1, 7, 20, 60):
        with later(minutes=minutes):
            ask_all()
    assert len(queries(safaricom)) == 3
    assert payment.next_question_at is None


def test_unreachable_is_believed_after_a_minute(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, json=query_answer("1037"))
    with later(seconds=80):
        ask_all()
    assert (payment.status, payment.reason) == ("failed", "unreachable")


def test_a_success_by_callback_is_confirmed_once(plan, safaricom):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert payment.question_rank == schedule.CONFIRM
    safaricom.post(QUERY, json=query_answer("0"))
    with later(seconds=40):
        ask_all()
        ask_all()
    assert payment.verified_by == "query"
    assert payment.next_question_at is None
    assert len(queries(safaricom)) == 1


def test_a_contradiction_is_an_alert_and_never_a_reversal(plan, safaricom):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    safaricom.post(QUERY, json=query_answer("1032"))
    with later(seconds=40):
        ask_all()
    assert payment.status == "paid"
    assert db.session.scalars(select(Alert.kind)).all() == ["contradiction"]


def test_a_confirmation_without_an_answer_is_tried_again(plan, safaricom):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    safaricom.post(QUERY, body="", status=503)
    with later(seconds=40):
        ask_all()
        assert payment.next_question_at > clock.now() + timedelta(seconds=60)
    assert payment.verified_by == "callback"


def test_after_the_last_question_it_is_failed_without_an_answer_and_listed(plan, safaricom):
    payment, hook = factories.pending(plan)
    safaricom.post(QUERY, json=query_answer("4999"))
    at = clock.now()
    for _ in range(9):
        at = max(payment.next_question_at, at) + timedelta(seconds=1)
        with time_machine.travel(at):
            charging.give_up_waiting()
            db.session.commit()
            ask_all()
    assert (payment.status, payment.reason) == ("failed", "no_answer")
    assert payment.next_question_at is None
    assert db.session.scalars(select(Alert.kind)).all() == ["no_answer"]
    with time_machine.travel(at):
        factories.deliver(hook, factories.success())
        work.settle_inbox()
    assert payment.status == "paid"


def test_what_has_no_request_id_cannot_be_asked_about_and_ends_the_same_way(plan, safaricom):
    payment = factories.bought(plan)
    factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    at = clock.now()
    for _ in range(9):
        at = max(payment.next_question_at, at) + timedelta(seconds=1)
        with time_machine.travel(at):
            ask_all()
    assert (payment.status, payment.reason) == ("failed", "no_answer")
    assert queries(safaricom) == []


def test_a_customers_claim_is_asked_first(plan, set_setting):
    set_setting(query_budget_per_minute=1)
    factories.pending(plan)
    second, _ = factories.pending(plan, phone="254722000000", checkout_id="ws_CO_2")
    customer.entered(second)
    db.session.commit()
    with later(seconds=60):
        assert reconciliation.claim().payment_id == second.id
        db.session.commit()
        assert reconciliation.claim() is None
        db.session.rollback()


def test_a_claim_is_asked_about_after_four_seconds(plan):
    payment, _ = factories.pending(plan)
    customer.entered(payment)
    db.session.commit()
    assert payment.next_question_at - clock.now() <= timedelta(seconds=4)


def test_one_shortcodes_empty_budget_does_not_hold_up_another(plan, set_setting):
    set_setting(query_budget_per_minute=1)
    factories.pending(plan)
    factories.pending(plan, phone="254722000000", checkout_id="ws_CO_2")
    other = factories.plan(factories.merchant())
    third, _ = factories.pending(other, phone="254733000000", checkout_id="ws_CO_3")
    with later(seconds=60):
        asked = []
        while question := reconciliation.claim():
            asked.append(question.payment_id)
            db.session.commit()
        db.session.rollback()
    assert len(asked) == 2
    assert third.id in asked


def test_slow_down_pushes_back_everything_of_the_shortcode(plan, safaricom, set_setting):
    set_setting(query_budget_per_minute=60)
    factories.pending(plan)
    factories.pending(plan, phone="254722000000", checkout_id="ws_CO_2")
    safaricom.post(QUERY, json=SPIKE, status=429)
    with time_machine.travel(clock.now() + timedelta(seconds=30), tick=False) as traveller:
        ask_all()
        assert len(queries(safaricom)) == 1
        traveller.shift(50)
        ask_all()
        assert len(queries(safaricom)) == 1
        traveller.shift(15)
        work.ask_one()
        assert len(queries(safaricom)) == 2


def test_a_question_that_died_with_its_worker_is_asked_again(plan):
    factories.pending(plan)
    with later(seconds=25):
        assert reconciliation.claim()
        db.session.commit()
        assert reconciliation.claim() is None
        db.session.rollback()
    with later(seconds=90):
        assert reconciliation.claim() is None
        db.session.rollback()
    with later(seconds=25 + 131):
        assert reconciliation.claim()
        db.session.commit()


def test_an_answer_after_the_end_is_only_written_down(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    reconciliation.answered(payment.id, Answer(Verdict.FAILED, "1032", Reason.CANCELLED))
    db.session.commit()
    assert payment.status == "failed"


def due(plan, many):
    made = []
    for n in range(many):
        payment, _ = factories.pending(plan, f"2547330000{n:02}", f"ws_CO_MANY_{n}")
        payment.next_question_at = clock.now() - timedelta(seconds=many - n)
        made.append(payment.id)
    db.session.commit()
    return made


def test_many_are_claimed_as_far_as_the_budget_goes_and_the_rest_stays_due(plan, set_setting):
    set_setting(query_budget_per_minute=18)  # three at once
    ids = due(plan, 5)
    first = [question.payment_id for question in reconciliation.claim_some(10)]
    db.session.commit()
    assert first == ids[:3]
    assert reconciliation.claim_some(10) == []
    db.session.rollback()
    left = Payment.next_question_at <= clock.now()
    assert list(db.session.scalars(select(Payment.id).where(left).order_by(Payment.id))) == ids[3:]


def test_one_shortcodes_empty_budget_does_not_keep_anothers_waiting(plan, set_setting):
    set_setting(query_budget_per_minute=6)
    due(plan, 2)
    other, _ = factories.pending(factories.plan(factories.merchant()), "254744000000", "ws_CO_O")
    other.next_question_at = clock.now()
    db.session.commit()
    for expected in (2, 0):
        assert len(reconciliation.claim_some(10)) == expected
        db.session.commit()


def test_answers_are_noted_together_and_what_somebody_holds_is_left(plan):
    ids = due(plan, 3)
    reconciliation.claim_some(3)
    db.session.commit()
    no = Answer(Verdict.FAILED, "1032", Reason.CANCELLED)
    answers = dict(
        zip(
            ids,
            (no, Answer(Verdict.PAID, "0", None), Answer(Verdict.PENDING, "4999", None)),
            strict=True,
        )
    )
    with db.engine.connect() as other:
        other.execute(text(f"select 1 from payment where id = {ids[2]} for update"))
        assert reconciliation.answered_all(answers) == set(ids[:2])
        db.session.commit()
    assert [factories.fresh(payment_id).status for payment_id in ids] == [
        "failed",
        "paid",
        "pending",
    ]
    reconciliation.answered(ids[2], answers[ids[2]])
    db.session.commit()
    assert factories.fresh(ids[2]).last_question_at is not None
    assert factories.fresh(ids[2]).status == "pending"
