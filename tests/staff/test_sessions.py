"""Where people are signed in: every copy of a cookie dies with its row."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.extensions import db
from app.staff import StaffSession, accounts, sessions
from app.staff.accounts import By

ME = By("staff:1")


def after(**time):
    return time_machine.travel(clock.now() + timedelta(**time), tick=False)


def test_a_token_finds_its_session_and_is_not_kept(amina, begin):
    session, token = begin(amina)
    assert len(token) >= 22  # 128 bits
    assert sessions.find(token).id == session.id
    assert token.encode() not in session.token_hash
    assert sessions.find(token + "x") is None
    assert sessions.find("") is None


def test_a_session_knows_a_place_not_an_address(amina, begin):
    session, _ = begin(amina, sessions.Place("196.201.214.77", "x" * 300 + "\n"))
    assert session.address == "196.201.214.0/24"
    assert session.user_agent == "x" * 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ("", None),
        (None, None),
        ("unix:", None),
    ],
)
def test_an_address_is_cut_to_its_network(address, network):
    assert sessions.network(address) == network


def test_whoever_rests_for_half_a_day_logs_in_again(amina, begin):
    _, token = begin(amina)
    with after(hours=11, minutes=59):
        assert sessions.find(token)
    with after(hours=12, seconds=1):
        assert sessions.find(token) is None


def test_after_a_week_everybody_does(amina, begin):
    session, token = begin(amina)
    session.seen_at = session.created_at + timedelta(days=6, hours=23)
    db.session.commit()
    with after(days=6, hours=23, minutes=59):
        assert sessions.find(token)
    with after(days=7, seconds=1):
        assert sessions.find(token) is None


def test_use_is_noted_once_a_minute(amina, begin):
    session, _ = begin(amina)
    assert not sessions.seen(session)
    with after(seconds=61):
        assert sessions.seen(session)
        assert not sessions.seen(session)
        assert session.seen_at == clock.now()


def test_an_ended_session_is_ended_once(amina, begin):
    session, token = begin(amina)
    sessions.end(session, "logged_out", "staff:1")
    ended_at = session.ended_at
    sessions.end(session, "ended", "staff:1")
    db.session.commit()
    assert (session.ended_at, session.end_reason) == (ended_at, "logged_out")
    assert sessions.find(token) is None
    ended = select(AuditEvent.details).where(AuditEvent.action == "staff.session_ended")
    assert db.session.scalars(ended).all() == [{"session": session.id, "reason": "logged_out"}]


def test_proof_is_worth_something_for_a_while_and_brings_a_new_token(amina, begin):
    session, token = begin(amina)
    assert sessions.proved(session)
    with after(minutes=15, seconds=1):
        assert not sessions.proved(session)
        newer = sessions.prove(session)
        db.session.commit()
        assert sessions.proved(session)
        assert sessions.find(newer).id == session.id
        assert sessions.find(token) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda person: accounts.disable(person, ME),
        lambda person: accounts.choose_password(person, "a whole new sentence", ME),
        lambda person: accounts.reset_password(person, "another one", ME),
        lambda person: accounts.give_temporary_password(person, ME),
        lambda person: accounts.remove_second_factor(person, ME),
        lambda person: accounts.sign_out(person, ME),
    ],
)
def test_what_changes_an_account_ends_all_its_sessions_and_nobody_elses(amina, juma, begin, change):
    tokens = [begin(amina)[1], begin(amina)[1]]
    _, other = begin(juma)
    change(amina)
    db.session.commit()
    assert [sessions.find(token) for token in tokens] == [None, None]
    assert sessions.find(other)


def test_a_closed_account_has_no_session_even_if_a_row_says_so(amina, begin):
    _, token = begin(amina)
    amina.disabled_at = clock.now()
    db.session.commit()
    assert sessions.find(token) is None


def test_choosing_a_password_keeps_the_session_in_which_it_was_chosen(amina, begin):
    here, _ = begin(amina)
    begin(amina)
    accounts.choose_password(amina, "a whole new sentence", ME, keep=here.id)
    db.session.commit()
    assert [found.id for found in sessions.alive(amina)] == [here.id]


def test_long_after_their_end_sessions_are_forgotten(amina, begin):
    ended, _ = begin(amina)
    sessions.end(ended, "logged_out", "staff:1")
    begin(amina)
    with after(days=89):
        assert sessions.purge() == 0
    with after(days=91):
        assert sessions.purge() == 1
    with after(days=98):
        assert sessions.purge() == 1
    assert db.session.scalars(select(StaffSession)).all() == []
