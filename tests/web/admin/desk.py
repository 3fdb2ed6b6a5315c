"""People of a merchant, sitting at a browser."""

from datetime import timedelta
from functools import cache
from itertools import count
from types import SimpleNamespace

import pyotp

from app import audit, clock, merchants
from app.extensions import db
from app.staff import Staff, passwords, second_factor, sessions
from tests.web import forms

PASSWORD = "correct horse battery"
BROWSER = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
PLACE = sessions.Place("196.201.214.77", BROWSER)
number = count(1)


@cache
def password_hash():
    """Once a process: it takes a tenth of a second, as it must."""
    return passwords.hashed(PASSWORD)


def hire(role="owner", merchant=None, email=None, **values):
    """A person with an account, as `staff.create` makes one."""
    merchant = merchant or merchants.named("default")
    made = Staff(
        merchant_id=merchant.id,
        email=email or f"{role}{next(number)}@example.co.ke",
        role=role,
        password_hash=password_hash(),
        password_changed_at=clock.now(),
    )
    for name, value in values.items():
        setattr(made, name, value)
    db.session.add(made)
    audit.record(made, "staff.created", actor="command", role=role)
    db.session.commit()
    return made


def sit(client, person, *, proved=True):
    """Signed in without the door, whose throttle would count. Answers the client."""
    session, token = sessions.begin(person, PLACE)
    db.session.flush()
    if person.has_second_factor:
        token = sessions.prove(session, second_factor=True)
    if not proved:
        session.proved_at -= timedelta(hours=1)
    db.session.commit()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    return client


def sitting(app, role="owner", merchant=None, **how):
    """A browser of its own, with a new person of this role in it; `client.person` is theirs."""
    client, person = app.test_client(), hire(role, merchant)
    client.person = SimpleNamespace(id=person.id, email=person.email)
    return sit(client, person, **how)


def knock(client, email, password=PASSWORD, path="/admin/login", **more):
    """The log-in page, filled in and sent."""
    sent = forms.fields(client.get(path)) | {"email": email, "password": password}
    return client.post("/admin/login", data=sent | more)


def send(client, path, page=None, **data):
    """A form of `page`, with the token that it carries."""
    token = forms.fields_any(client.get(page or path))
    return client.post(path, data={"csrf_token": token, **data})


def enrolled(person):
    """Their phone's secret, after they have set up a second factor; and the recovery codes."""
    session, _ = sessions.begin(person, PLACE)
    db.session.flush()
    fresh = second_factor.enrol(session)
    codes = second_factor.confirm(person, fresh, code(fresh.secret), "test")
    sessions.end(session, "ended", "test")
    person.totp_last_step = None  # as if that had been long ago
    db.session.commit()
    return fresh.secret, codes


def code(secret, seconds=0):
    """What the phone shows, now or so many seconds later."""
    return pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=seconds))


def section(answer):
    return forms.page(answer).get_text(" ", strip=True)
