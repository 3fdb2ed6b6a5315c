"""Any number of schedulers may run; one acts, and when it goes another does."""

import threading

import pytest
from sqlalchemy import text

from app.extensions import db
from app.jobs import scheduler as scheduling
from app.jobs import work
from app.jobs.scheduler import Scheduler
from tests import factories
from tests.conftest import DARAJA
from tests.jobs.support import eventually, terminated

LEADERS = text(
    "select pid from pg_locks where locktype = 'advisory' and granted "
    "and (classid::bigint << 32) + objid::bigint = :lock "
    "and database = (select oid from pg_database where datname = current_database())"
)


@pytest.fixture
def schedulers(app, set_setting):
    set_setting(sweep_seconds=0.0001)
    made = [Scheduler(), Scheduler()]
    yield made
    for one in made:
        one.resign()


@pytest.fixture
def due(plan):
    """Makes a message that waits; tells whether it was settled."""
    _, hook = factories.pending(plan)
    waiting = []

    def deliver():
        waiting.append(factories.deliver(hook, factories.failure()))
        return lambda: settled(waiting[-1])

    return deliver


def settled(callback_id):
    found = factories.callback(callback_id).settled_at is not None
    db.session.rollback()
    return found


def leaders():
    with db.engine.connect() as hand:
        return list(hand.scalars(LEADERS, {"lock": scheduling.LOCK}))


def test_one_of_two_acts(schedulers, due):
    one, other = schedulers
    first = due()
    one.tick()
    assert first()
    second = due()
    for _ in range(3):
        other.tick()
    assert not second()
    one.tick()
    assert second()
    assert len(leaders()) == 1


def test_when_it_resigns_the_other_acts(schedulers, due):
    one, other = schedulers
    one.tick()
    other.tick()
    one.resign()
    assert leaders() == []
    first = due()
    other.tick()
    assert first()
    second = due()
    one.tick()
    assert not second()


def test_to_resign_without_leading_is_no_error(schedulers):
    one, other = schedulers
    one.resign()
    one.tick()
    other.tick()
    other.resign()
    assert len(leaders()) == 1


def test_between_two_sweeps_only_questions_are_looked_at(schedulers, due, set_setting):
    one, _ = schedulers
    one.tick()
    set_setting(sweep_seconds=3600)
    waits = due()
    one.tick()
    assert not waits()


def test_a_question_that_is_due_does_not_wait_for_the_sweep(
    schedulers, plan, safaricom, set_setting
):
    one, _ = schedulers
    one.tick()
    set_setting(sweep_seconds=3600)
    payment, _ = factories.pending(plan)
    with db.engine.begin() as hand:
        hand.execute(text("update payment set next_question_at = now()"))
    answer = {"ResponseCode": "0", "CheckoutRequestID": "ws_CO_1", "ResultCode": "0"}
    url = f"{DARAJA}/mpesa/stkpushquery/v1/query"
    safaricom.post(url, json=answer | {"ResultDesc": "ok"})
    one.tick()
    assert work.lanes("ask").wait(8)
    assert factories.fresh(payment.id).status == "paid"


@pytest.fixture
def running(second_app):
    """One that runs, as its own process would, with what it needs to be stopped."""
    one = Scheduler()

    def run():
        with second_app.app_context():
            one.run()

    thread = threading.Thread(target=run)
    thread.start()
    yield one
    one.stopping.set()
    thread.join()


def test_a_lost_connection_is_made_again(running, due):
    assert eventually(leaders)
    [pid] = leaders()
    with db.engine.begin() as hand:
        hand.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    assert eventually(lambda: leaders() not in ([], [pid]))
    assert eventually(due())


def test_when_it_stops_nobody_leads(running):
    assert eventually(leaders)
    running.stopping.set()
    assert eventually(lambda: leaders() == [])


def test_the_command_works_until_it_is_told_to_stop(second_app, due):
    done = due()
    with terminated(lambda: done_in(second_app, done)) as happened, second_app.app_context():
        result = second_app.test_cli_runner().invoke(args=["scheduler"])
    assert happened == [True]
    assert result.exit_code == 0
    assert leaders() == []


def done_in(app, done):
    with app.app_context():
        return done()
