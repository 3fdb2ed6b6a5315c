"""`flask rotate-keys`, while the application sells and settles, and after it was killed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile

import pytest
from sqlalchemy import select, text

from app import resealing
from app.billing.models import Plan
from app.cli import rotate
from app.daraja import Accepted
from app.extensions import db
from app.jobs import spool, work
from app.payments import charging
from app.payments.models import Payment
from app.resealing import COLUMNS
from tests import factories

OLD, NEW = ("k1", bytes(32)), ("k2", b"\x02" * 32)
CANARIES = ("0712345678", "254712345678", "ws_CO_1", "TKL4H7Q2MX", "pass word")


@pytest.fixture
def run(cli, set_setting, monkeypatch):
    """The command, with the new key first in the ring."""
    monkeypatch.setattr(rotate, "PAUSE_SECONDS", 0.05)

    def invoke(*options):
        set_setting(encryption_keys=(NEW, OLD))
        result = cli.invoke(args=["rotate-keys", *options])
        assert not any(canary in result.output for canary in CANARIES)
        return result

    return invoke


@pytest.fixture
def payment(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    return payment


def total():
    return {
        key: sum(resealing.keys(sealed).get(key, 0) for sealed in COLUMNS) for key in ("k1", "k2")
    }


def test_everything_lies_under_the_first_key_afterwards(run, payment):
    factories.merchant()
    before = total()["k1"]
    result = run()
    assert result.exit_code == 0
    assert "payment.phone_sealed: 1 sealed again under k2" in result.output
    assert result.output.endswith("Nothing lies under another key than k2: the others may go.\n")
    assert total() == {"k1": 0, "k2": before}


def test_a_second_run_has_nothing_to_do(run, payment):
    run()
    assert "1 sealed again" not in run().output


def test_a_dry_run_counts_and_changes_nothing(run, payment):
    result = run("--dry-run")
    assert result.exit_code == 0
    assert "payment.phone_sealed: 1 under k1" in result.output
    assert "staff.totp_sealed: nothing" in result.output
    assert total()["k2"] == 0


def test_progress_is_told(run, plan, monkeypatch):
    monkeypatch.setattr(rotate, "TELL_EVERY", 2)
    monkeypatch.setattr(resealing, "AT_ONCE", 2)
    for n in range(5):
        factories.bought(plan, f"25471234567{n}")
    assert "payment.phone_sealed: 2 …\npayment.phone_sealed: 4 …" in run().output


def test_whoever_is_killed_in_the_middle_goes_on(run, plan, set_setting, monkeypatch):
    monkeypatch.setattr(resealing, "AT_ONCE", 2)
    for n in range(5):
        factories.bought(plan, f"25471234567{n}")
    set_setting(encryption_keys=(NEW, OLD))
    [phones] = [sealed for sealed in COLUMNS if str(sealed) == "payment.phone_sealed"]
    resealing.batch(phones, 0)
    db.session.commit()
    resealing.batch(phones, 2)
    db.session.rollback()  # as the connection of a killed process
    assert resealing.keys(phones) == {"k1": 3, "k2": 2}
    assert "payment.phone_sealed: 3 sealed again" in run().output
    assert resealing.keys(phones) == {"k2": 5}


@pytest.mark.breaks_books
def test_what_cannot_be_opened_is_named_by_its_id_and_the_rest_is_done(run, plan):
    broken, good = (factories.bought(plan, f"25471234567{n}") for n in range(2))
    damage = "update payment set phone_sealed = overlay(phone_sealed placing '\\x00' from 30)"
    db.session.execute(text(f"{damage} where id = {broken.id}"))
    db.session.commit()
    result = run()
    assert result.exit_code == 1
    assert f"that is not there: {broken.id}\n" in result.output
    assert factories.fresh(good.id).phone_sealed.startswith(b"\x01\x02k2")


def test_a_row_that_stays_in_use_is_told_of(run, payment, monkeypatch):
    monkeypatch.setattr(rotate, "PASSES", 2)
    with db.engine.connect() as other:
        other.execute(text("select 1 from callback for no key update"))
        result = run()
    assert result.exit_code == 1
    assert "callback.body_sealed: 1 are in use" in result.output
    assert run().exit_code == 0


def test_a_row_that_is_in_use_for_a_moment_is_done_in_the_next_pass(run, payment):
    other = db.engine.connect()
    other.execute(text("select 1 from callback for no key update"))
    release = threading.Timer(0.5, other.close)
    release.start()
    assert run().exit_code == 0
    release.join()


def test_messages_in_the_spool_keep_the_old_key_in_the_ring(run, payment):
    spool.keep("0" * 32, b"{}", None)
    result = run()
    assert "1 messages of this machine's spool keep their key" in result.output
    assert "the others may go" not in result.output
    assert result.exit_code == 0
    spool.take_in()


def test_the_application_sells_and_settles_meanwhile(app, run, plan, monkeypatch):
    """Old values are read, new ones written, prompts claimed and settled in between; nothing is lost."""
    monkeypatch.setattr(resealing, "AT_ONCE", 3)
    for n in range(30):
        factories.bought(plan, f"2547123456{n:02}", address=None)
    plan_id, stop = plan.id, threading.Event()

    def sell(first):
        with app.app_context():
            numbers = takewhile(lambda _: not stop.is_set(), count(first))
            return sum(_sell_and_settle(plan_id, n) for n in numbers)

    run("--dry-run")  # the new key comes first from here on, as after a restart
    with ThreadPoolExecutor(2) as pool:
        sellers = [pool.submit(sell, first) for first in (10_000_000, 20_000_000)]
        result = run()
        stop.set()
        assert all(seller.result() > 0 for seller in sellers)
    assert result.exit_code == 0
    assert total()["k1"] == 0
    payments = db.session.scalars(select(Payment)).all()
    assert len(payments) > 30
    assert all(payment.phone.startswith("2547") for payment in payments)


def _sell_and_settle(plan_id, n):
    """Its own payment, or the oldest that waits to be sent."""
    sold = db.session.get_one(Plan, plan_id)
    factories.bought(sold, f"2547{n}", address=None)
    claimed = charging.claim()
    db.session.commit()
    checkout = f"ws_CO_{n}"
    charging.accepted(claimed.payment_id, Accepted("1-2-3", checkout))
    db.session.commit()
    hook = claimed.prompt.callback_url.rsplit("/", 1)[1]
    factories.deliver(hook, factories.success(receipt=f"TK{n}", checkout_id=checkout))
    work.settle_inbox()
    return 1
