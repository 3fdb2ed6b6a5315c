import pytest
from sqlalchemy import select

from app import merchants, staff
from app.audit import AuditEvent
from app.extensions import db
from app.jobs import work
from tests import factories
from tests.web import forms

PASSWORD = "correct horse"


@pytest.fixture
def owner(app):
    made = staff.create(merchants.named("default"), "Amina@Example.co.ke", "owner", PASSWORD)
    db.session.commit()
    return made


def log_in(client, email="amina@example.co.ke", password=PASSWORD):
    sent = forms.fields(client.get("/admin/login"))
    return client.post("/admin/login", data=sent | {"email": email, "password": password})


def test_a_stranger_is_sent_to_log_in(client):
    assert client.get("/admin/").location == "/admin/login"


def test_staff_see_their_payments_masked_and_what_needs_them(client, plan, owner):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success(amount=300))
    work.settle_inbox()
    assert log_in(client).location == "/admin/"
    text = forms.page(client.get("/admin/")).get_text()
    assert payment.invoice.reference in text
    assert "0712\u00a0•••\u00a0678" in text
    assert "KSh 300 instead of 500" in text
    assert "staff.logged_in" in db.session.scalars(select(AuditEvent.action)).all()


def test_another_merchants_payments_are_not_theirs(client, owner):
    payment = factories.bought(factories.plan(factories.merchant()))
    log_in(client)
    assert payment.invoice.reference not in client.get("/admin/").text


@pytest.mark.parametrize(
    ("email", "password"), [("amina@example.co.ke", "wrong"), ("x@y.co.ke", PASSWORD)]
)
def test_a_wrong_name_and_a_wrong_password_answer_alike(client, owner, email, password):
    answer = log_in(client, email, password)
    assert answer.status_code == 422
    assert "The e-mail or the password is not right." in answer.text
    assert client.get("/admin/").status_code == 303


def test_the_sixth_try_waits(client, owner):
    for _ in range(5):
        log_in(client, password="wrong")
    assert log_in(client).status_code == 429


def test_logging_out_ends_it(client, owner):
    log_in(client)
    csrf = forms.fields_any(client.get("/admin/"))
    assert client.post("/admin/logout", data={"csrf_token": csrf}).location == "/admin/login"
    assert client.get("/admin/").status_code == 303


@pytest.mark.parametrize(
    "change", [{"disabled_at": "2026-01-01T00:00:00Z"}, {"password_hash": "new"}]
)
def test_a_new_password_or_a_closed_account_ends_every_session(client, owner, change):
    log_in(client)
    for name, value in change.items():
        setattr(owner, name, value)
    db.session.commit()
    assert client.get("/admin/").status_code == 303
