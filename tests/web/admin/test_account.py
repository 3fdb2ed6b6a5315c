"""A person's own account."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.extensions import db
from app.staff import Staff, StaffSession, second_factor
from tests.web import forms
from tests.web.admin.desk import PASSWORD, code, enrolled, hire, knock, section, send, sit, sitting

NEW = "a sentence of my own"
PASSWORDS = "/admin/account/password"
SET_UP = "/admin/account/second-factor/set-up"
SESSIONS = "/admin/account/sessions"


def someone(client):
    db.session.expire_all()
    return db.session.get_one(Staff, client.person.id)


def again(app, client):
    """The same person in another browser."""
    return sit(app.test_client(), someone(client))


def test_a_new_password_signs_out_everywhere_else(app):
    client = sitting(app, "viewer")
    other = again(app, client)
    answer = send(client, PASSWORDS, old=PASSWORD, new=NEW)
    assert answer.location == "/admin/"
    assert "Your password is changed" in client.get("/admin/").text
    assert other.get("/admin/").status_code == 303
    assert knock(app.test_client(), client.person.email).status_code == 422
    assert knock(app.test_client(), client.person.email, NEW).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong", NEW, "That is not the password you have now."),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "password1234", "tried first"),
        (PASSWORD, PASSWORD, "not the one you have now"),
    ],
)
def test_a_password_that_cannot_be_is_explained_and_changes_nothing(app, old, new, said):
    client = sitting(app, "viewer")
    answer = send(client, PASSWORDS, old=old, new=new)
    assert answer.status_code == 422
    assert said in answer.text
    assert forms.page(answer).title.text.startswith("Error:")
    assert new not in answer.text
    assert again(app, client).get("/admin/").status_code == 200
    assert knock(app.test_client(), client.person.email).status_code == 303


def test_whoever_sits_at_an_open_browser_cannot_guess_the_password(app):
    client = sitting(app, "viewer")
    for _ in range(5):
        assert send(client, PASSWORDS, old="guess", new=NEW).status_code == 422
    assert send(client, PASSWORDS, old=PASSWORD, new=NEW).status_code == 429


def set_up(client, **sent):
    page = client.get(SET_UP)
    secret = forms.page(page).find("p", class_="mono").get_text().replace(" ", "")
    typed = forms.fields(page, SET_UP) | {"code": code(secret)} | sent
    return secret, client.post(SET_UP, data=typed)


def test_a_second_factor_is_set_up_with_a_picture_and_codes_that_are_shown_once(app):
    client = sitting(app, "viewer")
    assert client.get("/admin/account/second-factor/").location == SET_UP
    assert forms.page(client.get(SET_UP)).find("img")["src"].startswith("data:image/svg+xml")
    _, done = set_up(client)
    codes = [li.text for li in forms.page(done).select(".codes li")]
    assert len(codes) == 10
    page = client.get("/admin/account/second-factor/")
    assert "10 of 10 are left" in section(page)
    assert codes[0] not in page.text


def test_a_wrong_code_keeps_the_picture(app):
    client = sitting(app, "viewer")
    secret, answer = set_up(client, code="000000")
    assert answer.status_code == 422
    shown = forms.page(answer).find("p", class_="mono").get_text().replace(" ", "")
    assert shown == secret
    assert not someone(client).has_second_factor


def test_a_picture_from_another_browser_is_none(app):
    client, other = sitting(app, "viewer"), sitting(app, "viewer")
    mine = forms.fields(other.get(SET_UP), SET_UP)["sealed"]
    _, answer = set_up(client, sealed=mine)
    assert answer.status_code == 422
    assert not someone(client).has_second_factor


def test_other_browsers_give_a_code_from_then_on(app):
    client = sitting(app, "viewer")
    other = again(app, client)
    set_up(client)
    assert client.get("/admin/").status_code == 200
    assert other.get("/admin/").location.startswith("/admin/second-factor")


def with_second_factor(app, role="viewer", **how):
    person = hire(role)
    secret, codes = enrolled(person)
    client = sit(app.test_client(), person, **how)
    client.person = person
    return client, secret, codes


def test_new_recovery_codes_take_the_place_of_the_old(app):
    client, _, [old, *_] = with_second_factor(app)
    page = send(client, "/admin/account/second-factor/codes", "/admin/account/second-factor/")
    assert len(forms.page(page).select(".codes li")) == 10
    assert second_factor.accepts(someone(client), old) is None


def test_without_a_second_factor_there_are_no_codes(app):
    client = sitting(app, "viewer")
    answer = send(client, "/admin/account/second-factor/codes", SESSIONS)
    assert answer.location == "/admin/account/second-factor/"


def test_removing_it_signs_out_everywhere(app):
    client, _, _ = with_second_factor(app)
    answer = send(client, "/admin/account/second-factor/remove")
    assert answer.location == "/admin/login"
    assert not someone(client).has_second_factor
    assert client.get("/admin/").status_code == 303


def test_where_it_is_required_it_cannot_be_removed(app):
    client, _, _ = with_second_factor(app)
    someone(client).merchant.second_factor_required = True
    db.session.commit()
    assert send(client, "/admin/account/second-factor/remove").status_code == 422
    assert someone(client).has_second_factor


def test_proof_is_asked_for_after_a_while_and_leads_on(app):
    client = sitting(app, "owner", proved=False)
    asked = client.get("/admin/people/new").location
    assert asked == "/admin/account/proof?next=/admin/people/new"
    sent = forms.fields(client.get(asked), "/admin/account/proof")
    wrong = client.post("/admin/account/proof", data=sent | {"password": "wrong"})
    assert wrong.status_code == 422
    right = client.post("/admin/account/proof", data=sent | {"password": PASSWORD})
    assert right.location == "/admin/people/new"
    assert client.get("/admin/people/new").status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert client.get("/admin/people/new").status_code == 303


def test_a_form_that_was_sent_without_proof_leads_back_to_its_page(app):
    client = sitting(app, "owner", proved=False)
    sent = {"csrf_token": forms.fields_any(client.get("/admin/people/")), "required": "1"}
    referrer = {"Referer": "http://localhost/admin/people/"}
    answer = client.post("/admin/people/second-factor", data=sent, headers=referrer)
    assert answer.location == "/admin/account/proof?next=/admin/people/"
    elsewhere = {"Referer": "http://localhost.evil.example/admin/people/"}
    answer = client.post("/admin/people/second-factor", data=sent, headers=elsewhere)
    assert answer.location == "/admin/account/proof"


def test_proof_wants_the_code_too_and_a_wrong_password_does_not_spend_it(app):
    client, secret, _ = with_second_factor(app, "owner", proved=False)
    person_id = client.person.id
    db.session.get_one(StaffSession, 2).proved_at -= timedelta(hours=1)
    db.session.commit()
    shown = code(secret)
    path = "/admin/account/proof"
    assert send(client, path, password=PASSWORD, code="000000").status_code == 422
    assert send(client, path, password="wrong", code=shown).status_code == 422
    assert send(client, path, password=PASSWORD, code=shown).status_code == 303
    refused = select(AuditEvent.subject_id).where(AuditEvent.action == "staff.proof_refused")
    assert db.session.scalars(refused).all() == [person_id, person_id]


def test_five_wrong_proofs_wait(app):
    client = sitting(app, "owner", proved=False)
    for _ in range(5):
        send(client, "/admin/account/proof", password="wrong")
    assert send(client, "/admin/account/proof", password=PASSWORD).status_code == 429


def test_sessions_show_when_where_and_with_what(app):
    text = section(sitting(app, "viewer").get(SESSIONS))
    assert "Chrome on Android" in text
    assert "196.201.214.0/24" in text
    assert "196.201.214.77" not in text
    assert "last used Today" in text
    assert "This browser" in text


def test_one_session_or_all_others_can_be_ended(app):
    client = sitting(app, "viewer")
    first, second, third = (again(app, client) for _ in range(3))
    ids = db.session.scalars(select(StaffSession.id).order_by(StaffSession.id)).all()
    send(client, f"{SESSIONS}/{ids[1]}/end", SESSIONS)
    assert first.get("/admin/").status_code == 303
    assert second.get("/admin/").status_code == 200
    send(client, f"{SESSIONS}/end-others", SESSIONS)
    assert [one.get("/admin/").status_code for one in (second, third, client)] == [303, 303, 200]


def test_another_persons_session_is_not_there(app):
    client, other = sitting(app, "owner"), sitting(app, "viewer")
    theirs = db.session.scalar(
        select(StaffSession.id).where(StaffSession.staff_id == other.person.id)
    )
    for session_id in (theirs, 999_999):
        assert send(client, f"{SESSIONS}/{session_id}/end", SESSIONS).status_code == 404
    assert send(client, f"{SESSIONS}/{2**70}/end", SESSIONS).status_code == 404
    assert other.get("/admin/").status_code == 200


def test_whoever_has_only_the_password_is_seen_waiting(app):
    client, _, _ = with_second_factor(app)
    knock(app.test_client(), client.person.email)
    assert "Waits for the code" in section(client.get(SESSIONS))
