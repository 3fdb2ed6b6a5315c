"""Safaricom's door: keep, commit, answer; whatever a stranger sends."""

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.jobs import work
from app.payments.models import Callback
from tests import factories

ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}
HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"{}",
    b"not json",
    b"\xff\xfe\x00",
    b"[" * 5_000,
    b'{"Body":' * 300,
    b'{"Body":{"stkCallback":null}}',
    b'{"Body":{"stkCallback":{"ResultCode":NaN,"CheckoutRequestID":"ws_CO_1"}}}',
    b'{"Body":{"stkCallback":{"ResultCode":0,"ResultCode":1,"CheckoutRequestID":"ws_CO_1"}}}',
    b'{"Body":{"stkCallback":{"ResultCode":false,"CheckoutRequestID":"ws_CO_1"}}}',
    '{"Body":{"stkCallback":{"ResultCode":"\u0660","CheckoutRequestID":"ws_CO_1"}}}'.encode(),
    b'{"Body":{"stkCallback":{"ResultCode":0,"CheckoutRequestID":"ws\\u0000CO"}}}',
    b'{"Body":{"stkCallback":{"ResultCode":0,"CheckoutRequestID":"\\ud800"}}}',
    '{"Body":{}}'.encode("utf-16"),
]


def post(client, hook, body, **more):
    return client.post(f"/hooks/v1/d/{hook}", data=body, **more)


def count():
    return db.session.scalar(select(func.count()).select_from(Callback))


def test_a_message_is_kept_and_accepted(client, plan):
    payment, hook = factories.pending(plan)
    answer = post(client, hook, factories.success(), content_type="application/json")
    assert (answer.status_code, answer.json) == (200, ACCEPTED)
    kept = db.session.query(Callback).one()
    assert kept.payment_id == payment.id
    assert kept.body == factories.success()
    assert b"712345678" not in kept.body_sealed


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "x"]
)
def test_any_content_type_will_do(client, plan, content_type):
    payment, hook = factories.pending(plan)
    assert post(client, hook, factories.success(), content_type=content_type).json == ACCEPTED
    work.settle_inbox()
    assert payment.status == "paid"


@pytest.mark.parametrize("body", HOSTILE)
def test_whatever_comes_with_the_right_token_is_kept_and_harmless(client, plan, body):
    payment, hook = factories.pending(plan)
    assert post(client, hook, body).status_code == 200
    work.settle_inbox()
    assert payment.status == "pending"
    assert db.session.query(Callback).one().body == body


@pytest.mark.parametrize("body", HOSTILE)
def test_a_wrong_token_is_404_whatever_comes(client, plan, body):
    assert post(client, "0" * 32, body).status_code == 404


def test_a_wrong_token_leaves_the_beginning_of_its_message(client, plan):
    post(client, "f" * 32, b"x" * 5_000)
    stray = db.session.query(Callback).one()
    assert stray.payment_id is None
    assert stray.body == b"x" * 1_024


def test_a_flood_of_wrong_tokens_is_not_kept(client, plan):
    for _ in range(65):
        post(client, "f" * 32, b"x")
    assert count() == 60


def test_too_large_a_message_is_refused(client, plan):
    _, hook = factories.pending(plan)
    assert post(client, hook, b"x" * 65_537).status_code == 413
    assert count() == 0
    assert post(client, hook, b"x" * 65_536).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_only_post_is_heard(client, plan, method):
    _, hook = factories.pending(plan)
    assert getattr(client, method)(f"/hooks/v1/d/{hook}").status_code == 405


@pytest.mark.parametrize(
    "token", ["", "x", "%00", "a" * 500, "..%2f..", "'; drop table payment --"]
)
def test_odd_tokens_are_404(client, plan, token):
    assert client.post(f"/hooks/v1/d/{token}", data=b"{}").status_code == 404


def test_the_same_message_fifty_times_is_one_receipt(client, plan):
    payment, hook = factories.pending(plan)
    for _ in range(50):
        assert post(client, hook, factories.success()).json == ACCEPTED
    work.settle_inbox()
    assert payment.status == "paid"
    assert payment.invoice.period_end == payment.invoice.subscription.paid_through
