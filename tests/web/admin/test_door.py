"""Signing in and out, as a browser and a burglar meet it."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.extensions import db
from app.staff import Staff, StaffSession, accounts
from app.staff.accounts import By
from tests import factories
from tests.web import forms
from tests.web.admin.desk import PASSWORD, code, enrolled, hire, knock, section, send, sit, sitting

EMAIL = "amina@example.co.ke"


@pytest.fixture
def amina(app):
    return hire("owner", email=EMAIL)


def actions():
    return db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()


def cookie(client):
    with client.session_transaction() as session:
        return dict(session)


def copy(app, client):
    """Another browser with a copy of the cookie."""
    stolen = app.test_client()
    with stolen.session_transaction() as session:
        session.update(cookie(client))
    return stolen


def test_a_stranger_is_sent_to_log_in_and_then_where_they_were_going(client, amina):
    sent = client.get("/admin/people/?page=2")
    assert sent.status_code == 303
    assert sent.location == "/admin/login?next=/admin/people/?page%3D2"
    assert knock(client, EMAIL, path=sent.location).location == "/admin/people/?page=2"


def test_the_first_page_needs_no_next(client, amina):
    assert client.get("/admin/").location == "/admin/login"
    assert knock(client, " Amina@Example.co.ke ").location == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/login").location == "/admin/"
    assert "staff.logged_in" in actions()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/admin/",
        "/\\evil.example",
        "/admin/\\evil.example",
        "/admin//evil.example",
        "/admin/../subscribe/standard",
        "/administrator",
        "/pay/token",
        "javascript:alert(1)",
        "/admin/\r\nSet-Cookie: a=b",
        "/admin/#https://evil.example",
        "",
    ],
)
def test_nobody_is_sent_elsewhere(client, amina, elsewhere):
    assert knock(client, EMAIL, next=elsewhere).location == "/admin/"


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong"), ("x@y.co.ke", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_answer_alike(client, amina, email, password):
    answer = knock(client, email, password)
    assert answer.status_code == 422
    assert "The e-mail or the password is not right." in answer.text
    assert actions()[-1] == "staff.log_in_failed"
    assert client.get("/admin/").status_code == 303


def test_known_and_unknown_accounts_differ_in_nothing_that_is_shown(client, amina):
    known, unknown = (
        re.sub(r"[\w.-]{60,}", "a token", knock(client, email, "wrong").text.replace(email, ""))
        for email in (EMAIL, "anina@example.co.ke")
    )
    assert known == unknown


@pytest.mark.parametrize("email", ["", "a\x00b@example.co.ke", "é" * 300, "' or 1=1 --"])
def test_nonsense_is_an_unknown_account(client, amina, email):
    assert knock(client, email).status_code == 422


def test_a_closed_account_and_a_lapsed_password_answer_like_unknown_ones(client, amina):
    amina.disabled_at = clock.now()
    guest, password = accounts.invite(amina.merchant, "g@example.co.ke", "viewer", By("test"))
    guest.password_changed_at = clock.now() - timedelta(days=4)
    db.session.commit()
    assert "not right" in knock(client, EMAIL).text
    assert "not right" in knock(client, "g@example.co.ke", password).text


def test_no_event_holds_an_address_or_a_password(client, amina):
    knock(client, EMAIL, "hunter2hunter2")
    knock(client, "nobody@example.co.ke", "hunter2hunter2")
    knock(client, EMAIL)
    told = str(db.session.execute(select(AuditEvent.actor, AuditEvent.details)).all())
    assert "@" not in told
    assert "hunter2" not in told


def test_the_sixth_wrong_try_waits_whoever_it_is(app, client, amina):
    for _ in range(5):
        knock(client, EMAIL, "wrong")
    assert knock(client, EMAIL).status_code == 429
    assert knock(client, "other@example.co.ke").status_code == 429  # the same address
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "10.9.9.9"
    assert knock(elsewhere, EMAIL).status_code == 429  # the same account


def test_a_network_of_ipv6_is_one_guest(app, amina):
    for n in range(5):
        guest = app.test_client()
        guest.environ_base["REMOTE_ADDR"] = f"2001:db8:1:2::{n}"
        knock(guest, f"x{n}@example.co.ke")
    guest.environ_base["REMOTE_ADDR"] = "2001:db8:1:2:ffff::1"
    assert knock(guest, EMAIL).status_code == 429
    guest.environ_base["REMOTE_ADDR"] = "2001:db8:1:3::1"
    assert knock(guest, EMAIL).status_code == 303


def test_right_passwords_use_no_tries_up(app, amina):
    for _ in range(8):
        assert knock(app.test_client(), EMAIL).status_code == 303


def test_a_right_password_does_not_forgive_wrong_ones(app, client, amina):
    hire("viewer", email="mole@example.co.ke")
    for n in range(5):
        knock(client, f"victim{n}@example.co.ke", "wrong")
        if n < 4:
            knock(app.test_client(), "mole@example.co.ke")
    assert knock(client, EMAIL).status_code == 429


def test_logging_out_kills_every_copy_of_the_cookie(app, client, amina):
    knock(client, EMAIL)
    stolen = copy(app, client)
    assert stolen.get("/admin/").status_code == 200
    assert send(client, "/admin/logout", "/admin/").location == "/admin/login"
    assert client.get("/admin/").status_code == 303
    assert stolen.get("/admin/").status_code == 303
    assert "_user_id" not in cookie(client)


def test_a_cookie_that_was_planted_before_is_worth_nothing_after(app, client, amina):
    client.get("/admin/login")
    planted = cookie(client)
    knock(client, EMAIL)
    after = cookie(client)
    assert "_user_id" not in planted
    assert after.get("csrf_token") != planted["csrf_token"]
    assert "_id" not in after


def test_logging_in_again_ends_the_session_before(client, amina):
    other = hire("viewer")
    sent = forms.fields(client.get("/admin/login"))
    sit(client, other)
    client.post("/admin/login", data=sent | {"email": EMAIL, "password": PASSWORD})
    reasons = db.session.scalars(select(StaffSession.end_reason).order_by(StaffSession.id)).all()
    assert reasons == ["replaced", None]


def test_a_customers_own_payments_survive_the_door(app, client, plan, amina):
    path = forms.order(client).location
    knock(client, EMAIL)
    send(client, "/admin/logout", "/admin/")
    assert cookie(client)["mine"] == [path.split("/")[2]]


@pytest.mark.parametrize("hours", [13, 24 * 8])
def test_a_session_ends_by_itself(client, amina, hours):
    knock(client, EMAIL)
    with time_machine.travel(clock.now() + timedelta(hours=hours)):
        assert client.get("/admin/").status_code == 303


def test_use_keeps_a_session_alive(client, amina):
    knock(client, EMAIL)
    for hours in (11, 22, 33):
        with time_machine.travel(clock.now() + timedelta(hours=hours)):
            assert client.get("/admin/").status_code == 200


def test_a_stolen_database_opens_nothing(client, amina):
    knock(client, EMAIL)
    [kept] = db.session.scalars(select(StaffSession.token_hash)).all()
    with client.session_transaction() as session:
        session["_user_id"] = kept.hex()
    assert client.get("/admin/").status_code == 303


def test_with_a_second_factor_the_password_is_half_the_way(app, client, amina):
    secret, _ = enrolled(amina)
    assert knock(client, EMAIL).location == "/admin/second-factor"
    for path in ("/admin/", "/admin/people/", "/admin/account/password", "/admin/account/sessions"):
        assert client.get(path).location.startswith("/admin/second-factor")
    half = copy(app, client)
    answer = send(client, "/admin/second-factor", code=code(secret))
    assert answer.location == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert half.get("/admin/").location == "/admin/login"  # a new token for the whole of it
    assert client.get("/admin/second-factor").location == "/admin/"


def test_the_way_leads_on_to_where_one_was_going(client, amina):
    secret, _ = enrolled(amina)
    step = knock(client, EMAIL, path="/admin/login?next=/admin/people/").location
    page = client.get(step)
    sent = forms.fields(page, "/admin/second-factor") | {"code": code(secret)}
    assert sent["next"] == "/admin/people/"
    assert client.post("/admin/second-factor", data=sent).location == "/admin/people/"


def test_a_code_that_was_seen_over_the_shoulder_is_used_up(app, client, amina):
    secret, _ = enrolled(amina)
    seen = code(secret)
    knock(client, EMAIL)
    send(client, "/admin/second-factor", code=seen)
    burglar = app.test_client()
    knock(burglar, EMAIL)
    assert send(burglar, "/admin/second-factor", code=seen).status_code == 422
    assert actions()[-1] == "staff.code_refused"


def test_five_wrong_codes_wait_like_passwords(client, amina):
    secret, _ = enrolled(amina)
    knock(client, EMAIL)
    for _ in range(5):
        assert send(client, "/admin/second-factor", code="000000").status_code == 422
    assert send(client, "/admin/second-factor", code=code(secret)).status_code == 429


def test_a_recovery_code_opens_once(app, client, amina):
    _, [one, *_] = enrolled(amina)
    knock(client, EMAIL)
    assert send(client, "/admin/second-factor", code=one).status_code == 303
    again = app.test_client()
    knock(again, EMAIL)
    assert send(again, "/admin/second-factor", code=one).status_code == 422
    how = select(AuditEvent.details).where(AuditEvent.action == "staff.logged_in")
    assert [details["second_factor"] for details in db.session.scalars(how)] == ["recovery_code"]


def test_half_a_sign_in_lasts_ten_minutes_and_can_be_given_up(client, amina):
    enrolled(amina)
    knock(client, EMAIL)
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        assert client.get("/admin/second-factor").location.startswith("/admin/login")
    assert send(client, "/admin/logout", "/admin/second-factor").location == "/admin/login"


def test_where_everybody_needs_one_it_is_set_up_before_anything_else(client, amina):
    amina.merchant.second_factor_required = True
    db.session.commit()
    knock(client, EMAIL)
    assert client.get("/admin/people/").location.startswith("/admin/account/second-factor/")
    page = client.get("/admin/account/second-factor/", follow_redirects=True)
    assert "Everybody here needs one" in page.text
    secret = forms.page(page).find("p", class_="mono").get_text().replace(" ", "")
    sent = forms.fields(page, "/admin/account/second-factor/set-up") | {"code": code(secret)}
    done = client.post("/admin/account/second-factor/set-up", data=sent)
    assert len(forms.page(done).select(".codes li")) == 10
    assert client.get("/admin/people/").status_code == 200


def test_a_temporary_password_is_changed_before_anything_else(client, amina):
    _, password = accounts.invite(amina.merchant, "guest@example.co.ke", "support", By("test"))
    db.session.commit()
    knock(client, "guest@example.co.ke", password)
    assert client.get("/admin/").location == "/admin/account/password"
    change = {"old": password, "new": "a sentence of my own"}
    assert send(client, "/admin/account/password", **change).location == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_change_of_role_counts_from_the_next_click(app):
    client = sitting(app, "owner")
    assert client.get("/admin/people/").status_code == 200
    db.session.get_one(Staff, client.person.id).role = "viewer"
    db.session.commit()
    assert client.get("/admin/people/").status_code == 403


def test_an_operator_acts_for_any_merchant_and_they_can_see_it(app):
    duka = factories.merchant()
    client = sitting(app, "operator")
    assert "Switch" in section(client.get("/admin/"))
    send(client, f"/admin/merchants/{duka.id}/act-for", "/admin/merchants/")
    assert "Duka Mbili" in client.get("/admin/").text
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.merchant_id, event.action) == (duka.id, "merchant.operator_came")


def test_whoever_is_no_operator_any_more_is_back_at_home(app):
    duka = factories.merchant()
    client = sitting(app, "operator")
    send(client, f"/admin/merchants/{duka.id}/act-for", "/admin/merchants/")
    db.session.get_one(Staff, client.person.id).role = "owner"
    db.session.commit()
    assert "Duka Mbili" not in client.get("/admin/").text
