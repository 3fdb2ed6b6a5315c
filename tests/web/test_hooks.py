"""Safaricom's door: keep, commit, answer; whatever a stranger sends."""

import pytest
from sqlalchemy import func, select, text

from app.extensions import db
from app.jobs import spool, work
from app.payments.models import Callback
from app.web.ahead import REQUEST_ID
from tests import factories
from tests.web import ahead

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


def asked(app, hook, *, by_flask, body=b"{}", **changes):
    path = f"/hooks/v1/d/{hook}"
    how = {"method": "POST", "data": body}
    return ahead.asked(app, path, by_flask=by_flask, changes=changes, **how)


@pytest.mark.parametrize("https", ["", "https://pay.example.co.ke"])
def test_the_door_answers_as_the_view_does(app, plan, set_setting, https):
    if https:
        set_setting(public_base_url=https)
    _, hook = factories.pending(plan)
    answers = [asked(app, hook, by_flask=by_flask) for by_flask in (True, False, False)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == "200 OK"
    assert count() == 3


def test_the_door_keeps_what_the_view_would(app, plan):
    payment, hook = factories.pending(plan)
    for by_flask in (True, False):
        asked(app, hook, by_flask=by_flask, body=factories.success(), REMOTE_ADDR="41.90.1.2")
    first, second = db.session.scalars(select(Callback).order_by(Callback.id))
    for name in ("merchant_id", "payment_id", "body", "address", "tries", "settled_at", "outcome"):
        assert getattr(first, name) == getattr(second, name)
    assert second.payment_id == payment.id


def test_each_answer_of_the_door_has_a_request_id_of_its_own(client, plan):
    _, hook = factories.pending(plan)
    seen = {post(client, hook, b"{}").headers[REQUEST_ID] for _ in range(5)}
    assert len(seen) == 5
    assert all(len(one) == 12 for one in seen)


def test_half_a_message_is_not_kept(app, plan):
    _, hook = factories.pending(plan)
    status, _, _ = asked(app, hook, by_flask=False, body=b"{", CONTENT_LENGTH="2")
    assert status.startswith("400")
    assert count() == 0


def test_what_the_database_refuses_is_spooled_and_not_tried_twice(client, app, plan):
    """Its sequence counts each try, whatever is taken back."""
    _, hook = factories.pending(plan)
    db.session.execute(text("alter table callback add constraint shut check (tries < 0) not valid"))
    db.session.commit()
    before = db.session.scalar(text("select nextval(pg_get_serial_sequence('callback', 'id'))"))
    try:
        assert post(client, hook, b"{}").status_code == 500
    finally:
        db.session.rollback()
        db.session.execute(text("alter table callback drop constraint shut"))
        db.session.commit()
    after = db.session.scalar(text("select nextval(pg_get_serial_sequence('callback', 'id'))"))
    assert (after - before, count()) == (2, 0)
    assert len(list(spool.waiting())) == 1
    assert spool.take_in() == 1
    assert count() == 1
