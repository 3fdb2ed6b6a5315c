"""One pass finds everything that is due by its rows alone, without Redis and without a ring."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import clock
from app.extensions import db
from app.jobs import sweep
from app.payments.models import Payment
from tests import factories
from tests.conftest import DARAJA

PUSH = f"{DARAJA}/mpesa/stkpush/v1/processrequest"
QUERY = f"{DARAJA}/mpesa/stkpushquery/v1/query"
YES = {"MerchantRequestID": "1-2-3", "CheckoutRequestID": "ws_CO_9", "ResponseCode": "0"}

pytestmark = pytest.mark.usefixtures("no_redis")


def swept():
    sweep.sweep()
    sweep.finish()
    db.session.expire_all()


def age(payment, **facts):
    """As if it had happened before."""
    db.session.execute(update(Payment).where(Payment.id == payment.id).values(**facts))
    db.session.commit()


def ago(seconds):
    return clock.now() - timedelta(seconds=seconds)


def test_nothing_due_is_nothing_done(app):
    swept()
    assert db.session.scalars(select(Payment)).all() == []


def test_a_message_is_settled(plan, safaricom):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    swept()
    assert payment.status == "paid"


def test_a_new_prompt_is_sent(plan, safaricom):
    payment = factories.bought(plan)
    safaricom.post(PUSH, json=YES)
    swept()
    assert payment.status == "pending"


def test_a_due_question_is_asked(plan, safaricom):
    payment, _ = factories.pending(plan)
    age(payment, next_question_at=ago(1))
    safaricom.post(
        QUERY,
        json={
            "ResponseCode": "0",
            "CheckoutRequestID": "ws_CO_1",
            "ResultCode": "0",
            "ResultDesc": "x",
        },
    )
    swept()
    assert (payment.status, payment.verified_by) == ("paid", "query")


def test_an_old_prompt_is_not_sent_any_more(plan, safaricom):
    payment = factories.bought(plan)
    age(payment, created_at=ago(31))
    swept()
    assert (payment.status, payment.reason) == ("failed", "not_sent")
    assert not [call for call in safaricom.calls if call.request.url == PUSH]


def test_what_nobody_told_us_about_is_unconfirmed(plan, safaricom):
    silent, _ = factories.pending(plan)
    age(silent, accepted_at=ago(121))
    stuck = factories.bought(plan, phone="254722000111")
    factories.sent(stuck)
    age(stuck, sending_at=ago(131))
    swept()
    assert (silent.status, stuck.status) == ("unconfirmed", "unconfirmed")


def test_the_message_counts_before_the_clock(plan, safaricom):
    """Money first: what arrived is settled before silence is concluded."""
    payment, hook = factories.pending(plan)
    age(payment, accepted_at=ago(500))
    factories.deliver(hook, factories.failure())
    swept()
    assert payment.status == "failed"


def test_everything_at_once(plan, safaricom):
    settled, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    fresh = factories.bought(plan, phone="254722000111")
    old = factories.bought(plan, phone="254733000111", address="10.0.0.2")
    age(old, created_at=ago(31))
    safaricom.post(PUSH, json=YES)
    swept()
    assert (settled.status, fresh.status, old.status) == ("paid", "pending", "failed")


def test_a_second_pass_changes_nothing(plan, safaricom):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    swept()
    before = payment.invoice.period_end
    swept()
    assert payment.invoice.period_end == before


def test_a_command_makes_one_pass(plan, safaricom, cli):
    payment = factories.bought(plan)
    safaricom.post(PUSH, json=YES)
    result = cli.invoke(args=["sweep"])
    assert (result.exit_code, result.output) == (0, "")
    assert factories.fresh(payment.id).status == "pending"
