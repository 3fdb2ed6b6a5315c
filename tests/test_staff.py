"""Accounts of people: a hash instead of a password, one account for an address."""

import pytest
from sqlalchemy import select

from app import merchants, staff
from app.audit import AuditEvent
from app.errors import Refused
from app.extensions import db
from app.staff import Staff

PASSWORD = "correct horse"


@pytest.fixture
def duka(app):
    return merchants.named("default")


def test_a_person_is_kept_with_a_hash_instead_of_a_password(duka):
    person = staff.create(duka, " Amina@Example.co.ke ", "owner", PASSWORD)
    db.session.commit()
    assert (person.email, person.role, person.merchant_id) == (
        "amina@example.co.ke",
        "owner",
        duka.id,
    )
    assert person.password_hash.startswith("$argon2id$")
    assert PASSWORD not in person.password_hash
    assert staff.password_fits(person, PASSWORD)
    assert not staff.password_fits(person, PASSWORD + " ")


def test_making_an_account_is_audited_without_the_address(duka):
    person = staff.create(duka, "amina@example.co.ke", "finance", PASSWORD)
    db.session.commit()
    event = db.session.scalars(select(AuditEvent)).one()
    assert (event.action, event.subject_type, event.subject_id) == (
        "staff.created",
        "staff",
        person.id,
    )
    assert event.details == {"role": "finance"}


@pytest.mark.parametrize(
    "email", ["", "amina", "amina@", "@example.com", "a b@example.com", "a@b", "a@b.c", "a@@b.co"]
)
def test_an_address_that_is_none_is_refused(duka, email):
    with pytest.raises(Refused, match="EMAIL must look like"):
        staff.create(duka, email, "owner", PASSWORD)


def test_a_short_password_is_refused_and_not_repeated(duka):
    with pytest.raises(Refused, match="at least 8") as sentence:
        staff.create(duka, "amina@example.co.ke", "owner", "hunter2")
    assert "hunter2" not in str(sentence.value)


def test_one_account_for_an_address_whatever_its_letters(duka):
    staff.create(duka, "amina@example.co.ke", "owner", PASSWORD)
    with pytest.raises(Refused, match=r"account for amina@example\.co\.ke already"):
        staff.create(duka, "AMINA@example.co.ke", "viewer", PASSWORD)
    db.session.commit()
    assert len(db.session.scalars(select(Staff)).all()) == 1
