"""The second factor: what the phone shows counts once, and so does a recovery code."""

from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.errors import Refused
from app.extensions import db
from app.staff import RecoveryCode, Staff, accounts, second_factor, sessions
from app.staff.accounts import By
from tests.payments.test_concurrency import at_once


def shown(secret, steps=0):
    """By the phone, so many half minutes from now."""
    return pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30 * steps))


@pytest.fixture
def phone(amina, begin):
    """The secret in Amina's phone. Her enrolment was a minute ago."""
    session, _ = begin(amina)
    fresh = second_factor.enrol(session)
    with time_machine.travel(clock.now() - timedelta(minutes=2)):
        assert second_factor.confirm(amina, fresh, shown(fresh.secret), "test")
    db.session.commit()
    return fresh.secret


@pytest.fixture(autouse=True)
def still():
    """No half minute ends in the middle of a test."""
    with time_machine.travel("2026-11-24T09:00:05Z", tick=False):
        yield


def test_a_phone_counts_once_it_has_shown_its_code(amina, begin):
    session, _ = begin(amina)
    fresh = second_factor.enrol(session)
    assert second_factor.confirm(amina, fresh, "000000", "test") is None
    assert not amina.has_second_factor
    codes = second_factor.confirm(amina, fresh, shown(fresh.secret), "test")
    db.session.commit()
    assert len(set(codes)) == 10
    assert amina.has_second_factor
    assert fresh.secret.encode() not in amina.totp_sealed
    assert second_factor.accepts(amina, shown(fresh.secret)) is None  # it is used up


def test_the_picture_names_the_account_and_us(amina, begin):
    session, _ = begin(amina)
    uri = second_factor.enrol(session).uri
    assert uri.startswith("otpauth://totp/Malipo:amina%40example.co.ke?secret=")
    assert "issuer=Malipo" in uri


def test_an_enrolment_is_of_its_session_and_its_time(amina, juma, begin):
    session, _ = begin(amina)
    fresh = second_factor.enrol(session)
    assert second_factor.enrolment(session, fresh.sealed) == fresh
    other, _ = begin(juma)
    for wrong in (lambda: second_factor.enrolment(other, fresh.sealed),
                  lambda: second_factor.enrolment(session, fresh.sealed[:-2] + "00"),
                  lambda: second_factor.enrolment(session, "not hex"),
                  lambda: second_factor.enrolment(session, "")):  # fmt: skip
        with pytest.raises(Refused):
            wrong()
    with time_machine.travel(clock.now() + timedelta(minutes=31)), pytest.raises(Refused):
        second_factor.enrolment(session, fresh.sealed)


@pytest.mark.parametrize(
    ("steps", "how"), [(-2, None), (-1, "totp"), (0, "totp"), (1, "totp"), (2, None)]
)
def test_a_phones_clock_may_be_half_a_minute_off(amina, phone, steps, how):
    assert second_factor.accepts(amina, shown(phone, steps)) == how


def test_a_code_is_taken_once_and_older_ones_no_more(amina, phone):
    assert second_factor.accepts(amina, shown(phone))
    assert second_factor.accepts(amina, shown(phone)) is None
    assert second_factor.accepts(amina, shown(phone, -1)) is None
    assert second_factor.accepts(amina, shown(phone, 1))


def test_spaces_do_not_matter(amina, phone):
    code = shown(phone)
    assert second_factor.accepts(amina, f" {code[:3]} {code[3:]}\n")


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "٠١٢٣٤٥", "\x00", "a" * 5000, "é"])
def test_nonsense_is_not_a_code(amina, phone, typed):
    assert second_factor.accepts(amina, typed) is None


def test_without_a_second_factor_nothing_is_a_code(amina):
    assert second_factor.accepts(amina, "000000") is None


def test_a_recovery_code_lets_in_once_however_it_is_typed(amina, phone):
    one, two, *_ = second_factor.new_recovery_codes(amina)
    db.session.commit()
    assert second_factor.accepts(amina, one.lower().replace("-", " ")) == "recovery_code"
    assert second_factor.accepts(amina, one) is None
    assert second_factor.accepts(amina, two.replace("0", "O").replace("1", "l"))
    assert second_factor.recovery_codes_left(amina) == 8


def test_recovery_codes_are_kept_as_hashes_and_replaced_as_a_whole(amina, phone):
    [old, *_] = second_factor.new_recovery_codes(amina)
    [new, *_] = second_factor.new_recovery_codes(amina)
    db.session.commit()
    kept = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert len(kept) == 10
    assert not any(new.encode() in one for one in kept)
    assert second_factor.accepts(amina, old) is None
    assert second_factor.accepts(amina, new)


def test_another_persons_recovery_code_is_none(amina, juma, phone, begin):
    session, _ = begin(juma)
    fresh = second_factor.enrol(session)
    his = second_factor.confirm(juma, fresh, shown(fresh.secret), "test")
    db.session.commit()
    assert his
    assert second_factor.accepts(amina, his[0]) is None


def race(app, person, typed):
    """Ten requests bring the same code at the same time. Answers how many were let in."""
    person_id = person.id
    db.session.rollback()

    def take(_):
        how = second_factor.accepts(db.session.get_one(Staff, person_id), typed)
        db.session.commit()
        return how

    return sum(how is not None for how in at_once(app, take, 10))


def test_ten_requests_with_one_recovery_code_are_one(app, amina, phone):
    [code, *_] = second_factor.new_recovery_codes(amina)
    db.session.commit()
    assert race(app, amina, code) == 1


def test_ten_requests_with_one_code_of_the_phone_are_one(app, amina, phone):
    assert race(app, amina, shown(phone)) == 1


def test_removing_it_takes_the_codes_and_the_sessions(amina, phone, begin):
    _, token = begin(amina)
    accounts.remove_second_factor(amina, By("staff:2", "lost"))
    db.session.commit()
    assert not amina.has_second_factor
    assert db.session.scalars(select(RecoveryCode)).all() == []
    assert sessions.find(token) is None


def test_until_the_code_is_given_a_session_is_short(amina, phone, begin):
    session, token = begin(amina)
    assert session.expires_at - session.created_at <= timedelta(minutes=10, seconds=1)
    newer = sessions.prove(session, second_factor=True)
    db.session.commit()
    assert session.expires_at == session.created_at + sessions.ABSOLUTE
    assert sessions.find(newer)
    assert sessions.find(token) is None
