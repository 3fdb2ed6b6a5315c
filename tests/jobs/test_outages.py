"""An outage from its beginning to its end, through sender and sweep, by Safaricom's answers alone."""

import json
from datetime import timedelta

import pytest
import requests
import time_machine
from structlog.testing import capture_logs

from app import clock
from app.extensions import db
from app.jobs import sweep, work
from app.jobs.scheduler import Scheduler
from app.payments import charging, outages
from app.payments.models import Payment
from tests import factories
from tests.conftest import DARAJA
from tests.payments.sick import NUMBER, bought, outage

PUSH = f"{DARAJA}/mpesa/stkpush/v1/processrequest"
BUSY = {"errorCode": "500.003.02", "errorMessage": "System is busy. Please try again."}
SICK = {
    "busy": {"json": BUSY, "status": 500},
    "hangs": {"body": requests.ReadTimeout()},
    "html": {"body": "<html>", "status": 503},
    "unreachable": {"body": requests.ConnectTimeout()},
}

pytestmark = pytest.mark.usefixtures("no_redis")


def later(**length):
    return time_machine.travel(clock.now() + timedelta(**length), tick=False)


def healthy(wire):
    """From now on Safaricom takes every push. Answers the hooks and ids of those that it took."""
    taken = []

    def accept(request):
        hook = json.loads(request.body)["CallBackURL"].rpartition("/")[2]
        taken.append((hook, f"ws_CO_{len(taken)}"))
        return 200, {}, json.dumps({"CheckoutRequestID": taken[-1][1], "ResponseCode": "0"})

    wire.remove("POST", PUSH)
    wire.add_callback("POST", PUSH, accept)
    return taken


def swept():
    sweep.sweep()
    sweep.finish()
    db.session.expire_all()


def stands():
    db.session.expire_all()
    return outages.of(NUMBER) is not None


@pytest.mark.parametrize("answer", SICK.values(), ids=SICK)
def test_it_begins_and_ends_by_itself_and_the_log_says_so(plan, safaricom, answer):
    safaricom.post(PUSH, **answer)
    for _ in range(5):
        bought(plan)
    with capture_logs() as said:
        swept()
        sweep.look()
        assert stands()
        taken = healthy(safaricom)
        with later(seconds=10):
            bought(plan, insists=True)
            swept()
            assert stands()
            [(hook, checkout)] = taken
            factories.deliver(hook, factories.failure(1032, checkout))
            swept()
            assert not stands()
    told = [(one["event"], one["log_level"], one["shortcode"]) for one in said if "why" in one]
    assert told == [("outage opened", "warning", NUMBER), ("outage closed", "info", NUMBER)]


def test_what_is_held_goes_out_by_the_second_once_it_is_over(plan, safaricom, set_setting):
    """And not all at once, nor only at the next sweep."""
    set_setting(sweep_seconds=3600)
    leader = Scheduler()
    leader.tick()
    waiting = [bought(plan).id for _ in range(9)]
    standing = outage(opened_at=clock.now(), look_at=clock.now() + timedelta(seconds=60))
    safaricom.post(PUSH, json=BUSY, status=500)
    taken = healthy(safaricom)
    leader.tick()
    assert work.lanes("send").wait(8)
    assert taken == []
    outages.end(standing, "staff:1", "It works again.")
    db.session.commit()
    sent = []
    for second in (0, 1, 2):
        with time_machine.travel(standing.closed_at + timedelta(seconds=second), tick=False):
            leader.tick()
            assert work.lanes("send").wait(8)
            sent.append(len(taken))
    leader.resign()
    assert sent == [4, 8, 9]
    assert {factories.fresh(one).status for one in waiting} == {"pending"}


def test_questions_and_messages_go_on(plan, safaricom):
    payment, hook = factories.pending(plan)
    other = bought(plan)
    outage(opened_at=clock.now(), look_at=clock.now() + timedelta(seconds=60))
    factories.deliver(hook, factories.success())
    with later(seconds=31):
        swept()
    assert factories.fresh(payment.id).status == "paid"
    assert factories.fresh(other.id).reason == "not_sent"
    with later(minutes=3):
        assert charging.claim() is None
        swept()
    assert db.session.query(Payment).filter_by(status="created").count() == 0


def test_one_look_of_two_schedulers_is_enough(app, plan):
    for _ in range(5):
        payment = bought(plan)
        factories.sent(payment)
        charging.unanswered(payment.id)
        db.session.commit()
    with capture_logs() as said:
        sweep.look()
        sweep.look()
    assert len([one for one in said if one["event"] == "outage opened"]) == 1
