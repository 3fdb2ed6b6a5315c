import pytest

from app import merchants, staff
from app.extensions import db
from app.staff import sessions

PLACE = sessions.Place("196.201.214.77", "Mozilla/5.0 Chrome/130")


@pytest.fixture
def duka(app):
    return merchants.named("default")


@pytest.fixture
def amina(duka):
    made = staff.create(duka, "amina@example.co.ke", "owner", "correct horse battery")
    db.session.commit()
    return made


@pytest.fixture
def juma(duka):
    made = staff.create(duka, "juma@example.co.ke", "owner", "another horse battery")
    db.session.commit()
    return made


@pytest.fixture
def begin(app):
    """A session of somebody, and its token."""

    def begun(person, place=PLACE):
        session, token = sessions.begin(person, place)
        db.session.commit()
        return session, token

    return begun
