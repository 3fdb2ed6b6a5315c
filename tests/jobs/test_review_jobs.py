"""What a reviewer once found in the work behind the pages: it stays mended."""

import json
import threading
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection

from app import clock, crypto
from app.extensions import db
from app.jobs import scheduler as scheduling
from app.jobs import spool, sweep, work
from app.jobs.scheduler import Scheduler
from app.payments import charging, locking
from app.payments.alerts import Alert
from app.payments.models import Callback, Payment, Receipt
from tests import factories
from tests.jobs.support import eventually
from tests.jobs.test_work import PUSH, YES
from tests.payments.test_concurrency import at_once


@contextmanager
def no_free_connection(monkeypatch):
    """Others have all of the pool, as in a rush; nobody waits for long. Yields how to free them."""
    db.session.remove()
    with ExitStack() as held:
        for engine in db.engines.values():
            monkeypatch.setattr(engine.pool, "_timeout", 0.05)
            with suppress(NoConnection):
                while True:
                    held.enter_context(engine.connect())
        yield held.close


def statuses():
    db.session.rollback()
    return dict(db.session.execute(select(Payment.id, Payment.status)).all())


def count_of(model):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model))


def test_an_accepted_push_is_written_down_although_no_connection_is_free(
    plan, safaricom, monkeypatch
):
    payment_id = factories.bought(plan).id
    rush = ExitStack()

    def rushed(_request):
        free = rush.enter_context(no_free_connection(monkeypatch))
        threading.Timer(0.15, free).start()
        return 200, {}, json.dumps(YES)

    safaricom.add_callback("POST", PUSH, rushed)
    with rush:
        assert work.send_one()
    payment = factories.fresh(payment_id)
    assert (payment.status, payment.checkout_request_id) == ("pending", "ws_CO_1")


def test_without_a_free_connection_the_hook_keeps_the_message_on_the_disk(
    client, plan, monkeypatch
):
    payment, hook = factories.pending(plan)
    payment_id = payment.id
    with no_free_connection(monkeypatch):
        answer = client.post(f"/hooks/v1/d/{hook}", data=factories.success())
    assert answer.status_code == 503
    assert len(list(spool.waiting())) == 1
    sweep.sweep()
    sweep.finish()
    assert factories.fresh(payment_id).status == "paid"
    assert list(spool.waiting()) == []


def test_a_message_is_received_while_its_payment_is_locked(app, client, plan):
    payment, hook = factories.pending(plan)
    payment_id, locked, received, in_time = payment.id, threading.Event(), threading.Event(), []

    def hold():
        with app.app_context():
            locking.locked(payment_id)
            locked.set()
            in_time.append(received.wait(2))

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(5)
    answer = client.post(f"/hooks/v1/d/{hook}", data=factories.success())
    received.set()
    holder.join()
    assert (answer.status_code, in_time) == (200, [True])


def test_two_that_empty_one_spool_lose_nothing_and_book_once(app, plan):
    payment, hook = factories.pending(plan)
    payment_id = payment.id
    for _ in range(20):
        assert spool.keep(hook, factories.success(), None)
    taken = at_once(app, lambda _: spool.take_in(), 2)
    assert 20 <= sum(taken) == count_of(Callback) <= 40
    assert list(spool.waiting()) == []
    work.settle_inbox()
    assert count_of(Receipt) == 1
    assert factories.fresh(payment_id).status == "paid"


def test_two_meet_a_file_that_nobody_can_open(app, plan, own_spool):
    own_spool.mkdir()
    for n in range(20):
        (own_spool / f"19990101T00000000000{n}-x.msg").write_bytes(b"\x01\x02k1 nobody's")
    assert at_once(app, lambda _: spool.take_in(), 2) == [0, 0]
    assert list(spool.waiting()) == []


ODD_MESSAGES = {"no message at all": 5, "not the parts of one": ["a", "b"], "no text": [1, 2, 3]}


@pytest.mark.parametrize("odd", ODD_MESSAGES.values(), ids=ODD_MESSAGES)
def test_a_file_of_another_shape_holds_up_no_sweep(plan, own_spool, odd):
    """Sealed with our own key, by a version of ours that wrote something else."""
    _, hook = factories.pending(plan)
    own_spool.mkdir()
    name = "19990101T000000000000-x"
    sealed = crypto.seal(json.dumps(odd).encode(), spool.PLACE + name)
    (own_spool / f"{name}.msg").write_bytes(sealed)
    assert spool.keep(hook, factories.success(), None)
    sweep.sweep()
    sweep.finish()
    assert count_of(Receipt) == 1


def test_a_spooled_message_that_the_database_refuses_holds_up_no_sweep(plan):
    _, hook = factories.pending(plan)
    assert spool.keep("0" * 32, b"{}", "1.2.3.4\0")  # anybody can write such a token
    assert spool.keep(hook, factories.success(), "1.2.3.4\0")
    assert spool.keep(hook, factories.success(), None)
    sweep.sweep()
    sweep.finish()
    assert count_of(Receipt) == 1


def test_a_scheduler_outlives_a_tick_that_nobody_foresaw(app, plan, set_setting, monkeypatch):
    monkeypatch.setattr(scheduling, "TICK", 0.02)
    payment, hook = factories.pending(plan)
    payment_id = payment.id
    factories.deliver(hook, factories.success())
    set_setting(sweep_seconds="not a number")
    one = Scheduler()

    def run():
        with app.app_context():
            one.run()

    app.extensions.pop(work.LANES, None)  # lanes of its own: it closes them in the end
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert not eventually(lambda: not thread.is_alive(), 0.1)
        assert statuses()[payment_id] == "pending"
        set_setting(sweep_seconds=0.001)
        assert eventually(lambda: statuses()[payment_id] == "paid")
    finally:
        one.stopping.set()
        thread.join()
        app.extensions.pop(work.LANES, None)


def test_a_merchant_whose_secret_does_not_open_holds_up_no_others_prompt(plan, safaricom):
    bad = factories.merchant("bad")
    theirs = factories.bought(factories.plan(bad), phone="254722000000")
    ours = factories.bought(plan)
    bad.consumer_secret = b"\x01\x02k9" + b"x" * 40
    db.session.commit()
    safaricom.post(PUSH, json=YES)
    assert work.send_one()
    assert not work.send_one()
    assert (theirs.status, theirs.reason) == ("failed", "merchant_problem")
    assert ours.status == "pending"
    assert db.session.scalars(select(Alert.kind)).all() == ["cannot_send"]


@contextmanager
def cut_off_before_the_first_statement():
    """As a restart of PostgreSQL does: ends the session's connection, in its transaction."""
    pid = db.session.scalar(text("select pg_backend_pid()"))
    with db.engine.connect() as hand:
        hand.execute(text("select pg_terminate_backend(:pid, 1000)"), {"pid": pid})
    yield


@contextmanager
def cut_off_at(verb, table):
    """Ends whoever is about to write there."""
    body = "perform pg_terminate_backend(pg_backend_pid()); return new;"
    with db.engine.begin() as hand:
        hand.exec_driver_sql(
            f"create function gone() returns trigger language plpgsql as $$ begin {body} end $$;"
            f" create trigger gone before {verb} on {table} for each row execute function gone()"
        )
    yield
    with db.engine.begin() as hand:
        hand.exec_driver_sql(f"drop trigger gone on {table}; drop function gone()")


@pytest.mark.parametrize(
    "cut_off",
    [
        cut_off_before_the_first_statement,
        partial(cut_off_at, "insert", "receipt"),
        partial(cut_off_at, "update", "payment"),
        partial(cut_off_at, "insert", "audit_event"),
    ],
)
def test_after_a_lost_connection_the_inbox_is_emptied_by_the_same_process(plan, cut_off):
    payment, hook = factories.pending(plan)
    payment_id = payment.id
    factories.deliver(hook, factories.success())
    db.session.rollback()
    with cut_off(), suppress(SQLAlchemyError):  # whatever a worker meets, its next job must work
        work.settle_inbox()
    assert factories.fresh(payment_id).status == "pending"
    db.session.rollback()
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        work.settle_inbox()
    assert factories.fresh(payment_id).status == "paid"
    assert count_of(Receipt) == 1


def test_unsent_payments_are_given_up_in_one_sweep_however_many(plan, monkeypatch):
    """Three transactions of the sweep and one over: three hundred and one of the usual size."""
    monkeypatch.setattr(charging, "AT_ONCE", 10)
    for n in range(31):
        payer = charging.Payer(f"254712000{n:03}", None)
        charging.buy(plan, payer, f"attempt-of-many-{n}")
    db.session.commit()
    with time_machine.travel(clock.now() + timedelta(seconds=31)):
        sweep.sweep()
        sweep.finish()
    assert set(statuses().values()) == {"failed"}
