"""What has changed of many rows, in one statement: as a flush would write it."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from app import clock, many
from app.errors import Surprise
from app.extensions import db
from app.payments.locking import locked_free
from app.payments.models import Callback, Payment
from app.payments.states import UNCONFIRMED
from tests import factories


@pytest.fixture
def pair(plan):
    made = [factories.pending(plan, f"25472200000{n}", f"ws_CO_{n}") for n in range(2)]
    for n, (_, hook) in enumerate(made):
        factories.deliver(hook, factories.success(checkout_id=f"ws_CO_{n}"))
    return locked_free([payment.id for payment, _ in made])


@pytest.fixture
def statements(app):
    seen = []
    listen = (db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    event.listen(*listen)
    yield seen
    event.remove(*listen)


def test_objects_of_several_models_are_written_by_one_statement(pair, statements):
    callbacks = list(db.session.scalars(select(Callback).order_by(Callback.id)))
    at = clock.now() - timedelta(hours=1)
    pair[0].code = "17"
    pair[1].ended_at = at
    callbacks[1].outcome = "paid"
    statements.clear()
    many.save(db.session.connection(), pair, callbacks, [])
    db.session.commit()
    assert len(statements) == 1  # a flush finds nothing left to do
    assert [(one.code, one.ended_at) for one in pair] == [("17", None), (None, at)]
    assert [one.outcome for one in callbacks] == [None, "paid"]


def test_one_object_twice_is_written_once(pair):
    pair[0].code = "17"
    many.save(db.session.connection(), [pair[0], pair[0]])
    db.session.commit()
    assert pair[0].code == "17"


def test_nothing_changed_is_no_statement(pair, statements):
    statements.clear()
    many.save(db.session.connection(), pair, [])
    many.save(db.session.connection())
    assert statements == []


def test_a_members_name_stands_beside_a_text(pair):
    """One was read, one was set: psycopg takes a list of one type."""
    pair[0].move_to(UNCONFIRMED, actor="test")
    many.save(db.session.connection(), pair)
    db.session.commit()
    assert [one.status for one in pair] == ["unconfirmed", "pending"]


def test_a_row_that_is_gone_is_a_surprise(app, pair):
    db.session.execute(text("set local session_replication_role = replica"))
    db.session.connection().exec_driver_sql("delete from payment where id = %s", (pair[1].id,))
    pair[0].code = pair[1].code = "17"
    with pytest.raises(Surprise, match="Payment: 2 to write, 1 written"):
        many.save(db.session.connection(), pair)
    db.session.rollback()


def test_the_triggers_watch_it_too(pair):
    pair[0].amount += 1
    with pytest.raises(DBAPIError, match="frozen"):
        many.save(db.session.connection(), pair)
    db.session.rollback()


def test_what_only_sqlalchemy_can_write_is_refused(pair):
    pair[0].token = "in the clear"
    with pytest.raises(TypeError, match=r"Payment\.token"):
        many.save(db.session.connection(), pair)
    db.session.rollback()
    assert db.session.get_one(Payment, pair[0].id).token != "in the clear"
