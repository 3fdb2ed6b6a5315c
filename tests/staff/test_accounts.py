"""Accounts: nobody is locked out by accident, and everything is written down."""

from datetime import timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy import select

from app import audit, clock, staff
from app.audit import AuditEvent
from app.errors import Refused
from app.extensions import db
from app.staff import accounts, passwords
from app.staff.accounts import By
from tests import factories
from tests.payments.test_concurrency import at_once

JUMA = By("staff:2", "he left")


def events():
    rows = select(AuditEvent.action, AuditEvent.actor, AuditEvent.details).order_by(AuditEvent.id)
    return [tuple(row) for row in db.session.execute(rows)]


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2026!",
        "1234567890123",
        "aaaaaaaaaaaaaa",
        "121212121212",
        "qwertyuiop12",
        "iloveyou2026",
        "arsenalarsenal",
        "!!Safaricom!!",
    ],
)
def test_what_everybody_tries_first_is_refused(password):
    with pytest.raises(Refused, match="tried first"):
        passwords.check(password)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "matatu ya kijani 42", "ελληνικά λόγια", "x7#kQ!vb2Lw9"]
)
def test_anything_else_that_is_long_will_do(password):
    passwords.check(password)


def test_a_password_is_neither_short_nor_endless():
    with pytest.raises(Refused, match="at least 12"):
        passwords.check("short words")
    with pytest.raises(Refused, match="at most 256"):
        passwords.check("long words " * 24)


def test_a_hash_of_yesterday_is_made_again_when_the_password_is_typed(amina):
    amina.password_hash = PasswordHasher(time_cost=1, memory_cost=64).hash("correct horse battery")
    assert passwords.fits(amina, "correct horse battery")
    passwords.refresh(amina, "correct horse battery")
    assert not PasswordHasher().check_needs_rehash(amina.password_hash)
    before = amina.password_hash
    passwords.refresh(amina, "correct horse battery")
    assert amina.password_hash == before


def test_a_hash_that_is_none_fits_nothing(amina):
    amina.password_hash = "new"
    assert not passwords.fits(amina, "new")


def test_a_guest_comes_with_a_password_that_must_be_changed_and_lapses(duka):
    guest, password = accounts.invite(duka, "guest@example.co.ke", "viewer", JUMA)
    db.session.commit()
    assert passwords.fits(guest, password)
    assert accounts.named("guest@example.co.ke").must_change_password
    assert not accounts.password_lapsed(guest)
    with time_machine.travel(clock.now() + timedelta(days=3, minutes=1)):
        assert accounts.password_lapsed(guest)
        accounts.choose_password(guest, "my own long words", JUMA)
        assert not guest.must_change_password
        assert not accounts.password_lapsed(guest)


def test_temporary_passwords_are_long_and_never_the_same():
    made = {passwords.temporary() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) == 14 for one in made)


def test_the_same_password_is_no_new_one(amina):
    with pytest.raises(Refused, match="not the one you have"):
        accounts.choose_password(amina, "correct horse battery", JUMA)


def test_every_change_is_written_down_with_who_and_why_and_no_person(amina, juma):
    accounts.change_role(amina, "finance", JUMA)
    accounts.disable(amina, JUMA)
    accounts.disable(amina, JUMA)
    accounts.enable(amina, JUMA)
    accounts.enable(amina, JUMA)
    accounts.give_temporary_password(amina, JUMA)
    accounts.remove_second_factor(amina, JUMA)
    accounts.require_second_factor(amina.merchant, By("staff:2"), required=True)
    accounts.require_second_factor(amina.merchant, By("staff:2"), required=True)
    db.session.commit()
    why = {"reason": "he left"}
    assert events()[2:] == [
        ("staff.role_changed", "staff:2", {"from": "owner", "to": "finance", **why}),
        ("staff.disabled", "staff:2", why),
        ("staff.enabled", "staff:2", why),
        ("staff.password_reset", "staff:2", why),
        ("staff.second_factor_removed", "staff:2", why),
        ("merchant.second_factor_required", "staff:2", {"required": True}),
    ]
    assert "amina" not in str(events())
    assert audit.verify(amina.merchant_id) == []


@pytest.mark.parametrize("role", ["boss", "", "Owner"])
def test_a_role_that_is_none_is_refused(duka, amina, role):
    with pytest.raises(Refused, match="The role must be"):
        staff.create(duka, "x@example.co.ke", role, "correct horse battery")
    with pytest.raises(Refused, match="The role must be"):
        accounts.change_role(amina, role, JUMA)


def test_the_last_owner_stays(amina):
    with pytest.raises(Refused, match="last owner"):
        accounts.change_role(amina, "viewer", JUMA)
    with pytest.raises(Refused, match="last owner"):
        accounts.keep_an_owner(amina)
    db.session.rollback()
    assert amina.role == "owner"


def test_a_closed_owner_and_another_merchants_do_not_count(amina, juma):
    staff.create(factories.merchant(), "z@example.co.ke", "owner", "correct horse battery")
    accounts.disable(juma, JUMA)
    with pytest.raises(Refused, match="last owner"):
        accounts.change_role(amina, "viewer", JUMA)


def test_two_owners_cannot_remove_each_other_at_the_same_time(app, amina, juma):
    ids = [amina.id, juma.id]
    db.session.rollback()

    def remove(n):
        try:
            accounts.change_role(db.session.get_one(staff.Staff, ids[n]), "viewer", JUMA)
            db.session.commit()
        except Refused:
            db.session.rollback()
            return "kept"
        return "removed"

    assert sorted(at_once(app, remove, 2)) == ["kept", "removed"]


def test_operators_are_shown_to_operators(duka, amina):
    staff.create(duka, "op@example.co.ke", "operator", "correct horse battery")
    assert [one.role for one in accounts.of_merchant(duka, operators=False)] == ["owner"]
    assert len(accounts.of_merchant(duka, operators=True)) == 2
