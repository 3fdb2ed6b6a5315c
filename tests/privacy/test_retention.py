"""What goes by itself, and that nothing else does (C53)."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app import clock
from app.extensions import db
from app.jobs import housekeeping, spool, work
from app.payments import buckets, inbox
from app.privacy import retention
from app.staff import sessions
from tests import factories
from tests.privacy import people
from tests.web.admin.desk import PLACE, hire


@pytest.fixture
def retain(cli):
    """The counts that the command tells, by rule."""

    def run(*options, days=0):
        with time_machine.travel(clock.now() + timedelta(days=days)):
            result = cli.invoke(args=["retention", *options])
        assert result.exit_code == 0, result.output
        db.session.expire_all()
        told = (line.partition("  (")[0].rpartition(": ") for line in result.output.splitlines())
        return {name: int(count) for name, colon, count in told if colon and count.isdecimal()}

    return run


@pytest.fixture
def everything(plan):
    """One row of all that goes some day."""
    people.paying(plan)
    people.quiet()
    inbox.receive_stray(b"x", None)
    session, _ = sessions.begin(hire("viewer"), PLACE)
    sessions.end(session, "ended", "test")
    buckets.take("login:abc", buckets.Rate(5, 1))
    buckets.take("questions:174379", buckets.Rate(5, 1))
    db.session.commit()


def bodies():
    return db.session.scalar(text("select count(*) from callback where body_sealed is not null"))


def money():
    tables = ("payment", "receipt", "allocation", "ledger_entry", "invoice", "audit_event")
    return [db.session.scalar(text(f"select count(*) from {table}")) for table in tables]


NOTHING = dict.fromkeys([*(rule.name for rule in retention.RULES), "spool"], 0)


def test_each_thing_goes_when_its_time_has_come(everything, retain):
    before = money()
    assert retain("--dry-run") == retain() == NOTHING
    assert retain(days=2) == NOTHING | {"strays": 1, "tries to sign in": 1}
    assert retain(days=89) == NOTHING
    aged = NOTHING | {"callback bodies": 1, "staff sessions": 1}
    assert retain("--dry-run", days=91) == aged
    assert bodies() == 1
    assert retain(days=91) == aged
    assert bodies() == 0
    assert retain(days=3650) == NOTHING
    assert money() == before


def test_a_message_that_nobody_could_read_stays_until_somebody_has(plan, cli, retain):
    _, hook = factories.pending(plan)
    people.settle(hook, b"<html>")
    with time_machine.travel(clock.now() + timedelta(days=400)):
        result = cli.invoke(args=["retention"])
    assert "1 older messages could not be settled and stay: see `flask callbacks`." in result.output
    assert bodies() == 1


def test_the_night_does_it_in_steps_beside_the_sweep(everything, monkeypatch):
    keeping = housekeeping.Housekeeping()
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    with time_machine.travel(clock.now() + timedelta(days=91)) as later:
        night = clock.now().replace(hour=23, minute=30) + timedelta(days=1)
        later.move_to(night)
        keeping.do_what_is_due()
        keeping.finish()
    assert bodies() == 0


def test_whoever_is_stopped_goes_on_where_the_rows_are(plan, retain, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    _, hook = people.paying(plan)
    for _ in range(4):
        people.settle(hook, factories.success())
    [rule] = [rule for rule in retention.RULES if rule.name == "callback bodies"]
    with time_machine.travel(clock.now() + timedelta(days=91)):
        assert retention.batch(rule) == 2
        db.session.rollback()  # as the connection of a killed process
        assert retention.batch(rule) == 2
        db.session.commit()
    assert retain(days=91)["callback bodies"] == 3


def test_what_somebody_holds_is_not_waited_for(everything, retain):
    with db.engine.connect() as other:
        other.execute(text("select 1 from callback where payment_id is not null for no key update"))
        assert retain(days=91)["callback bodies"] == 0
    assert retain(days=91)["callback bodies"] == 1


def test_old_bodies_are_found_along_an_index(everything):
    query = retention.RULES[0].due().limit(retention.AT_ONCE)
    sql = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    db.session.execute(text("set local enable_seqscan = off; set local enable_bitmapscan = off"))
    plan = "\n".join(row[0] for row in db.session.execute(text(f"explain {sql}")))
    assert "ix_callback_body" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    "change",
    [
        "update callback set body_sealed = null where settled_at is null",
        "update callback set body_sealed = '\\x00' where body_sealed is null",
        "update callback set address = '10.0.0.9'",
        "update callback set received_at = now()",
        "delete from callback where payment_id is not null",
    ],
)
def test_the_database_allows_only_that_a_settled_body_goes(plan, change):
    _, hook = people.paying(plan)
    db.session.execute(text("update callback set body_sealed = null"))
    factories.deliver(hook, factories.success())
    with pytest.raises(IntegrityError, match=r"\(M13\)"):
        db.session.execute(text(change))
    db.session.rollback()


def test_files_that_nobody_could_read_go_too(app, retain):
    assert spool.keep("0" * 32, b"{}", None)
    [file] = spool.waiting()
    file.write_bytes(b"nonsense")
    work.settle_inbox()
    spool.take_in()
    assert retain(days=89)["spool"] == 0
    assert retain("--dry-run", days=91)["spool"] == 1
    assert retain(days=91)["spool"] == 1
    assert retain(days=91)["spool"] == 0
