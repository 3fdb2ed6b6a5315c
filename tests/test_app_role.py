"""The application's database role can do its work, and cannot change the books (M13, C40)."""

import dataclasses
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from app import clock, create_app
from app.cli.export import QUERIES, lines
from app.desk import chain, counting
from app.extensions import db
from app.jobs import housekeeping, renewals, tell, watch, work
from app.payments import charging, inbox, matching
from app.staff import second_factor, sessions
from app.watching.models import AlertMessage
from tests import factories
from tests.conftest import let_go
from tests.payments import by_hand, renewed
from tests.privacy import people
from tests.web.admin.desk import PLACE, code, enrolled, hire

SCRIPT = Path(__file__).parents[1] / "deploy/app-role.sql"
FORBIDDEN = [
    "update ledger_entry set amount = 1",
    "delete from ledger_entry",
    "update audit_event set actor = 'x'",
    "delete from audit_event",
    "update allocation set amount = 1",
    "update callback set payment_id = null",
    "update callback set received_at = now()",
    "truncate ledger_entry",
    "drop table ledger_entry",
    "alter table ledger_entry disable trigger all",
    "delete from payment",
    "delete from receipt",
    "update reallocation set amount = 1",
    "update statement_line set paid_in = 1",
    "update daily_close set note = 'x'",
    "update dispute set kind = 'other'",
    "update reallocation set reason = '(erased)', amount = 1",
    "update match_proposal set proposed_by = 1",
    "update renewal set invoice_id = 1",
    "delete from renewal",
]


@pytest.fixture
def as_the_role(app, postgres_url):
    """The application again, connected as a role that deploy/app-role.sql has made."""
    role = f"malipo_app_{urlsplit(postgres_url).path.strip('/')}"
    script = re.sub(r"^--.*$", "", SCRIPT.read_text(), flags=re.MULTILINE)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        if not owner.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
            owner.execute(f"create role {role} login")
        owner.execute(script.replace(':"role"', role))
    settings = app.extensions["malipo.settings"]
    mine = create_app(
        dataclasses.replace(settings, database_url=postgres_url.replace("malipo@", f"{role}@"))
    )
    with mine.app_context():
        yield mine
        db.session.remove()
        let_go()


def test_the_role_sells_settles_and_reads(as_the_role):
    plan = factories.plan()
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert payment.status == "paid"
    housekeeping.hourly()
    assert housekeeping.check_books()
    for query in QUERIES.values():
        assert list(lines(query()))


def test_the_role_asks_who_is_due(as_the_role):
    with time_machine.travel(renewed.NOON, tick=False):
        mine = renewed.subscribed(factories.plan())
        assert renewed.run() == (1, 1, 0)
        assert renewals.ask_some() == 1
        assert renewed.asked()[0].invoice.subscription_id == mine.id


def test_the_role_counts_and_checks(as_the_role):
    yesterday = clock.now() - timedelta(days=1)
    with time_machine.travel(yesterday, tick=False):
        factories.bought(factories.plan())
    assert not housekeeping.count_days()
    counting.forget(1)
    assert not housekeeping.count_days()
    chain.begin_all()
    housekeeping.check_chains()
    assert chain.of(1).checked_at


def test_the_role_watches_and_tells(as_the_role):
    """Twice, so that rows are made and changed; the mail server does not exist."""
    settings = as_the_role.extensions["malipo.settings"]
    wanted = {"alert_email_to": ("a@x.co.ke",), "smtp_url": "smtp://127.0.0.1:9"}
    as_the_role.extensions["malipo.settings"] = dataclasses.replace(settings, **wanted)
    with time_machine.travel(clock.now() - timedelta(minutes=20)):
        watching = watch.Watch()
        factories.pending(factories.plan())
    charging.give_up_waiting()
    db.session.commit()
    for _ in range(2):
        watching.do_what_is_due()
        watch.look()
        watch.count()
        tell.tell_one()
    assert housekeeping.check_books()
    [message] = db.session.scalars(select(AlertMessage)).all()
    assert message.tries == 1


def test_the_role_signs_staff_in_and_forgets_where_they_were(as_the_role):
    person = hire("owner")
    secret, _ = enrolled(person)
    session, _ = sessions.begin(person, PLACE)
    assert second_factor.accepts(person, code(secret))
    assert second_factor.accepts(person, second_factor.new_recovery_codes(person)[0])
    sessions.end(session, "ended", "test")
    db.session.commit()
    assert sessions.purge() == 0


def test_the_role_erases_people_and_lets_go_what_is_old(as_the_role):
    people.known(factories.plan())
    runner = as_the_role.test_cli_runner()
    erased = runner.invoke(args=["erase", "0712345678", "--yes", "--reason=a letter"])
    assert "customer 1 erased" in erased.output
    with time_machine.travel(clock.now() + timedelta(days=91)):
        inbox.receive_stray(b"x", None)
        db.session.commit()
    with time_machine.travel(clock.now() + timedelta(days=200)):
        result = runner.invoke(args=["retention"])
    assert (result.exit_code, "strays: 1 " in result.output) == (0, True)


ERASABLE = [
    "update note set text = 'x'",
    "update dispute set says = 'x'",
    "update dispute_evidence set text = 'x'",
    "update match_proposal set reason = 'x'",
    "update reallocation set reason = 'x'",
    "update statement_line set reference = 'x'",
]


def test_what_people_wrote_can_be_erased_and_not_rewritten(as_the_role):
    people.known(factories.plan())
    with time_machine.travel(clock.now() + timedelta(minutes=20)):
        payment, hook = factories.pending(factories.plan(code="other"), people.OTHER, "ws_CO_6")
    people.settle(hook, factories.failure(checkout_id="ws_CO_6"))
    matching.match(payment.id, "TKL4H7Q2MW", by_hand.act())
    db.session.commit()
    for statement in ERASABLE:
        with pytest.raises(IntegrityError, match="can be erased, not changed"):
            db.session.execute(text(statement))
        db.session.rollback()
        erased = text(statement.replace("'x'", "'(erased)'") + " returning true")
        assert db.session.execute(erased).all() == [(True,)]
        db.session.rollback()


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_role_cannot_change_the_books(as_the_role, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        db.session.execute(text(statement))
    db.session.rollback()
