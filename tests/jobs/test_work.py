"""Each step claims one row, does it and commits; what goes wrong is kept and tried again."""

import threading
from datetime import timedelta

import pytest
import requests
import time_machine
from sqlalchemy import text, update

from app import clock, merchants
from app.extensions import db
from app.jobs import bell, work
from app.jobs.safaricom import daraja_client
from app.payments import charging, inbox
from app.payments.models import Callback, Payment
from app.settings import settings
from tests import factories
from tests.conftest import DARAJA
from tests.jobs.support import eventually

PUSH = f"{DARAJA}/mpesa/stkpush/v1/processrequest"
QUERY = f"{DARAJA}/mpesa/stkpushquery/v1/query"
YES = {"MerchantRequestID": "1-2-3", "CheckoutRequestID": "ws_CO_1", "ResponseCode": "0"}
NO = {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid PhoneNumber"}
PAID = {"ResponseCode": "0", "CheckoutRequestID": "ws_CO_1", "ResultCode": "0", "ResultDesc": "ok"}
BUSY = {
    "fault": {
        "faultstring": "Spike arrest violation",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}


def later(**duration):
    return time_machine.travel(clock.now() + timedelta(**duration), tick=False)


def calls(wire, url):
    return [call for call in wire.calls if call.request.url == url]


def spoil(callback_id):
    """A message whose body nobody can open any more."""
    db.session.execute(
        update(Callback).where(Callback.id == callback_id).values(body_sealed=b"nonsense")
    )
    db.session.commit()


def drained():
    assert work.lanes("send").wait(8)
    assert work.lanes("ask").wait(8)
    db.session.expire_all()


def test_without_work_there_is_nothing_to_do(app):
    assert not work.send_one()
    assert not work.ask_one()
    assert not work.settle_one()
    assert not db.session().in_transaction()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"json": YES}, "pending"),
        ({"json": NO, "status": 400}, "failed"),
        ({"body": requests.ReadTimeout()}, "unconfirmed"),
    ],
)
def test_a_prompt_is_sent_and_its_answer_written_down(plan, safaricom, answer, status):
    payment = factories.bought(plan)
    safaricom.post(PUSH, **answer)
    assert work.send_one()
    assert factories.fresh(payment.id).status == status
    assert not work.send_one()


def test_no_transaction_is_open_while_safaricom_thinks(plan, safaricom):
    factories.bought(plan)
    seen = []

    def think(_):
        seen.append(db.session().in_transaction())
        return 200, {}, '{"ResponseCode":"0","CheckoutRequestID":"ws_CO_1","MerchantRequestID":"1"}'

    safaricom.add_callback("POST", PUSH, think)
    work.send_one()
    assert seen == [False]


def test_a_ring_sends_all_prompts(plan, safaricom, own_redis):
    ids = [factories.bought(plan, f"2547120000{n:02}", address=None).id for n in range(5)]
    safaricom.post(PUSH, json=NO, status=400)
    work.send_prompts()
    drained()
    assert {factories.fresh(payment_id).status for payment_id in ids} == {"failed"}
    assert len(calls(safaricom, PUSH)) == 5


def test_a_ring_asks_all_questions(plan, safaricom):
    payment, _ = factories.pending(plan)
    due = update(Payment).values(next_question_at=clock.now() - timedelta(seconds=1))
    db.session.execute(due)
    db.session.commit()
    safaricom.post(QUERY, json=PAID)
    work.ask_questions()
    drained()
    assert factories.fresh(payment.id).status == "paid"


def test_slow_down_is_obeyed(plan, safaricom):
    payment, _ = factories.pending(plan)
    safaricom.post(QUERY, json=BUSY, status=429)
    with later(seconds=30):
        assert work.ask_one()
        assert payment.next_question_at > clock.now()
        assert not work.ask_one()
    assert (payment.status, payment.questions) == ("pending", 0)


def test_what_cannot_be_asked_about_is_not_asked(plan, safaricom):
    payment = factories.bought(plan)
    factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    with later(seconds=30):
        assert work.ask_one()
    assert payment.questions == 1
    assert calls(safaricom, QUERY) == []


def test_a_ring_settles_all_messages(plan):
    payment, hook = factories.pending(plan)
    for _ in range(3):
        factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    assert not work.settle_one()


def test_a_message_that_cannot_be_read_is_put_aside_at_once(plan):
    payment, hook = factories.pending(plan)
    parked = factories.deliver(hook, b"<html>")
    good = factories.deliver(hook, factories.success())
    work.settle_inbox()
    kept = factories.callback(parked)
    assert kept.parked_at is not None
    assert kept.settled_at is None
    assert kept.error
    assert kept.body == b"<html>"
    assert factories.callback(good).settled_at is not None
    assert factories.fresh(payment.id).status == "paid"


def test_a_message_that_cannot_be_settled_does_not_hold_up_the_others(plan):
    payment, hook = factories.pending(plan)
    bad = factories.deliver(hook, factories.success())
    spoil(bad)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    kept = factories.callback(bad)
    assert (kept.tries, kept.settled_at, kept.parked_at) == (1, None, None)
    assert kept.error == "CannotOpen"
    assert kept.next_try_at > clock.now()
    assert factories.fresh(payment.id).status == "paid"


def test_it_is_tried_again_later_and_later_and_then_waits_for_a_person(plan):
    _, hook = factories.pending(plan)
    bad = factories.deliver(hook, factories.success())
    spoil(bad)
    pauses = []
    with later(seconds=1) as traveller:
        while (kept := factories.callback(bad)).parked_at is None:
            pauses.append((kept.next_try_at - clock.now()).total_seconds())
            traveller.shift(max(pauses[-1] - 0.5, 0))
            work.settle_inbox()  # too early by half a second, but for the first time
            traveller.shift(1)
            work.settle_inbox()
    assert kept.tries == inbox.MOST_TRIES == 10
    assert pauses[1:] == sorted(pauses[1:])
    assert pauses[2] > 2 * pauses[1] * 0.5
    assert pauses[-1] > 60
    with later(days=365):
        work.settle_inbox()
    assert factories.callback(bad).tries == 10


def test_a_message_that_waited_is_settled_once_it_can_be(plan, set_setting):
    payment, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, factories.success())
    before = settings().encryption_keys
    set_setting(encryption_keys=(("k9", b"\x09" * 32),))
    work.settle_inbox()
    assert factories.callback(callback_id).error == "CannotOpen"
    set_setting(encryption_keys=before)
    with later(minutes=1):
        work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    assert factories.callback(callback_id).settled_at is not None


def test_what_went_wrong_leaves_nothing_half_done(plan):
    """The message claims a receipt number that another row took while nobody looked."""
    payment, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, factories.success())
    with db.engine.begin() as hand:
        hand.execute(text("alter table receipt add constraint no_money check (amount < 5)"))
    try:
        work.settle_inbox()
        assert factories.fresh(payment.id).status == "pending"
        assert factories.callback(callback_id).error == "IntegrityError"
    finally:
        db.session.rollback()
        with db.engine.begin() as hand:
            hand.execute(text("alter table receipt drop constraint no_money"))
    with later(minutes=1):
        work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"


def cut_off(payment_id, blocker):
    """As a restart of PostgreSQL does: ends the session that waits for the payment's row."""
    waits = text(
        "select pid from pg_stat_activity where datname = current_database() "
        "and wait_event_type = 'Lock' and pid <> pg_backend_pid()"
    )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as hand:
        pid = eventually(lambda: hand.scalar(waits))
        hand.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    blocker.rollback()


def test_an_answer_is_written_down_although_postgresql_restarts(plan, safaricom, app):
    payment = factories.bought(plan)
    payment_id, threads = payment.id, []
    blocker = db.engine.connect()

    def hand(_request):
        blocker.execute(text(f"select 1 from payment where id = {payment_id} for update"))

        def restart():
            with app.app_context():
                cut_off(payment_id, blocker)

        threads.append(threading.Thread(target=restart))
        threads[0].start()
        return 200, {}, '{"ResponseCode":"0","CheckoutRequestID":"ws_CO_1","MerchantRequestID":"1"}'

    safaricom.add_callback("POST", PUSH, hand)
    assert work.send_one()
    threads[0].join()
    blocker.close()
    assert factories.fresh(payment_id).status == "pending"
    assert len(calls(safaricom, PUSH)) == 1


def test_a_merchants_client_is_kept_and_another_has_its_own(app, safaricom):
    default = merchants.named("default").credentials()
    other = factories.merchant().credentials()
    client = daraja_client(default)
    assert daraja_client(default) is client
    assert daraja_client(other) is not client


def test_every_bell_has_a_rope(app):
    for job in (bell.SEND, bell.SETTLE, bell.ASK):
        getattr(work, job)()
    drained()
