"""Messages that came while PostgreSQL was away wait on the disk, sealed, and are taken in once."""

import pytest
from sqlalchemy import select

from app.extensions import db
from app.jobs import spool, sweep, work
from app.payments.models import Callback
from tests import factories


@pytest.fixture
def hook(plan):
    return factories.pending(plan)[1]


def bodies():
    return [kept.body for kept in db.session.scalars(select(Callback).order_by(Callback.id))]


def test_a_message_on_the_disk_becomes_a_message_in_the_inbox(hook, own_spool):
    assert spool.keep(hook, factories.success(), "10.0.0.9")
    [file] = own_spool.iterdir()
    assert hook.encode() not in file.read_bytes()
    assert b"712345678" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0 or own_spool.stat().st_mode & 0o077 == 0
    assert spool.take_in() == 1
    assert list(own_spool.iterdir()) == []
    assert bodies() == [factories.success()]
    work.settle_inbox()
    assert db.session.scalars(select(Callback.outcome)).one() == "paid"


def test_they_are_taken_in_as_they_came(hook):
    news = [factories.failure(text=str(n)) for n in range(5)]
    for body in news:
        assert spool.keep(hook, body, None)
    assert spool.take_in() == 5
    assert bodies() == news
    assert spool.take_in() == 0


def test_without_a_spool_there_is_nothing_to_take_in(app):
    assert list(spool.waiting()) == []
    assert spool.take_in() == 0


def test_a_wrong_token_on_the_disk_is_nobodys_message(app, own_spool):
    assert spool.keep("0" * 32, b"{}", None)
    assert spool.take_in() == 1
    assert bodies() == []
    assert list(own_spool.iterdir()) == []


def test_what_cannot_be_written_is_told(app, own_spool):
    own_spool.write_text("a file in the directory's place")
    assert not spool.keep("0" * 32, b"{}", None)


def test_strangers_cannot_fill_the_disk(app, own_spool):
    own_spool.mkdir()
    for n in range(spool.MOST_FILES):
        (own_spool / f"{n}.msg").touch()
    assert not spool.keep("0" * 32, b"{}", None)


def test_a_half_written_file_is_not_taken_in(hook, own_spool):
    own_spool.mkdir()
    (own_spool / "20270131T120000000000-x.new").write_bytes(b"half")
    assert spool.keep(hook, factories.success(), None)
    assert spool.take_in() == 1
    assert [file.suffix for file in own_spool.iterdir()] == [".new"]


@pytest.mark.parametrize("garbage", [b"", b"\x01\x02k1 what nobody can open", b"{}" * 40])
def test_a_file_that_nobody_can_open_holds_up_no_other_and_stops_no_sweep(hook, own_spool, garbage):
    own_spool.mkdir()
    (own_spool / "19990101T000000000000-x.msg").write_bytes(garbage)
    assert spool.keep(hook, factories.success(), None)
    sweep.sweep()
    sweep.finish()
    assert bodies() == [factories.success()]
