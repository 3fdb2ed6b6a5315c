"""A prompt is written down first, sent at most once, and silence is not failure (M5, M6)."""

from datetime import timedelta

import pytest
import requests
import time_machine
from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.jobs import work
from app.payments import charging
from app.payments.models import Payment
from tests import factories
from tests.conftest import DARAJA

PUSH = f"{DARAJA}/mpesa/stkpush/v1/processrequest"
YES = {"MerchantRequestID": "1-2-3", "CheckoutRequestID": "ws_CO_1", "ResponseCode": "0"}


def pushes(wire):
    return [call for call in wire.calls if call.request.url == PUSH]


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({"json": YES}, "pending", None),
        (
            {
                "json": {
                    "errorCode": "400.002.02",
                    "errorMessage": "Bad Request - Invalid PhoneNumber",
                },
                "status": 400,
            },
            "failed",
            "not_registered",
        ),
        (
            {
                "json": {
                    "errorCode": "500.001.1001",
                    "errorMessage": "Unable to lock subscriber, a "
                    "transaction is already in process for the current subscriber",
                },
                "status": 500,
            },
            "failed",
            "in_progress",
        ),
        (
            {
                "json": {"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"},
                "status": 500,
            },
            "failed",
            "merchant_problem",
        ),
        ({"body": requests.ReadTimeout()}, "unconfirmed", None),
        ({"body": "<html>", "status": 503}, "unconfirmed", None),
        ({"body": "", "status": 200}, "unconfirmed", None),
    ],
)
def test_what_safaricom_answers_decides_the_status(plan, safaricom, answer, status, reason):
    payment = factories.bought(plan)
    safaricom.post(PUSH, **answer)
    assert work.send_one()
    assert (payment.status, payment.reason) == (status, reason)


def test_a_push_whose_answer_is_lost_is_never_sent_again(plan, safaricom):
    payment = factories.bought(plan)
    safaricom.post(PUSH, body=requests.ReadTimeout())
    while work.send_one():
        pass
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        while work.send_one():
            pass
        charging.give_up_waiting()
        db.session.commit()
    assert payment.status == "unconfirmed"
    assert len(pushes(safaricom)) == 1


def test_the_prompt_says_what_the_invoice_says(plan, safaricom):
    payment = factories.bought(plan)
    safaricom.post(PUSH, json=YES)
    work.send_one()
    [push] = pushes(safaricom)
    body = push.request.body.decode() if isinstance(push.request.body, bytes) else push.request.body
    assert '"Amount": 500' in body
    assert payment.invoice.reference in body
    assert "http://localhost/hooks/v1/d/" in body


def test_a_prompt_is_written_down_before_it_leaves(plan, safaricom):
    payment = factories.bought(plan)
    seen = []

    def look(request):
        with db.engine.connect() as other:
            seen.append(other.scalar(select(Payment.status).where(Payment.id == payment.id)))
        return 200, {}, '{"ResponseCode":"0","CheckoutRequestID":"ws_CO_1","MerchantRequestID":"1"}'

    safaricom.add_callback("POST", PUSH, look)
    work.send_one()
    assert seen == ["sending"]


def test_what_is_not_sent_in_time_is_never_sent(plan):
    payment = factories.bought(plan)
    with time_machine.travel(clock.now() + timedelta(seconds=31)):
        assert charging.claim() is None
        assert charging.give_up_unsent() == 1
        db.session.commit()
    assert (payment.status, payment.reason) == ("failed", "not_sent")


def test_a_worker_that_died_while_sending_leaves_it_unconfirmed(plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    assert charging.give_up_waiting() == 0
    with time_machine.travel(clock.now() + timedelta(seconds=131)):
        assert charging.give_up_waiting() == 1
        db.session.commit()
    assert payment.status == "unconfirmed"
    assert payment.next_question_at is not None


def test_a_prompt_that_nobody_answers_is_unconfirmed_after_two_minutes(plan):
    payment, _ = factories.pending(plan)
    with time_machine.travel(clock.now() + timedelta(seconds=121)):
        charging.give_up_waiting()
        db.session.commit()
    assert payment.status == "unconfirmed"


def test_an_answer_that_comes_after_we_gave_up_still_counts(plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    factories.accepted(payment)
    assert payment.status == "unconfirmed"
    assert payment.checkout_request_id == "ws_CO_1"


def test_silence_after_the_end_changes_nothing(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    charging.unanswered(payment.id)
    db.session.commit()
    assert payment.status == "paid"


def test_one_attempt_is_one_payment(plan):
    payer = charging.Payer(factories.PHONE, None)
    first = charging.buy(plan, payer, "the-attempt")
    db.session.commit()
    assert charging.buy(plan, payer, "the-attempt").id == first.id
    assert db.session.scalar(select(func.count()).select_from(Payment)) == 1


def test_phones_and_request_ids_are_not_in_the_rows(plan):
    payment, _ = factories.pending(plan, checkout_id="ws_CO_712345678")
    row = db.session.execute(
        Payment.__table__.select().where(Payment.__table__.c.id == payment.id)
    ).one()
    seen = b"|".join(
        str(value).encode() if not isinstance(value, bytes) else value for value in row
    )
    assert b"712345678" not in seen
    assert payment.phone == factories.PHONE
