"""The merchant's staff, as its owner looks after them."""

import pytest
from sqlalchemy import select

from app.audit import AuditEvent
from app.extensions import db
from app.staff import Staff, StaffSession, accounts
from tests import factories
from tests.web import forms
from tests.web.admin.desk import enrolled, hire, knock, section, send, sit, sitting

WHY = "left the company"


@pytest.fixture
def owner(app):
    return sitting(app, "owner")


def fresh(person_id):
    db.session.expire_all()
    return db.session.get_one(Staff, person_id)


def change(client, person_id, name, **sent):
    return send(client, f"/admin/people/{person_id}/{name}", **{"reason": WHY, **sent})


def invite(client, email="juma@example.co.ke", role="support", **more):
    return send(client, "/admin/people/new", email=email, role=role, **more)


def test_the_list_shows_ones_own_people(owner):
    hire("support", email="juma@example.co.ke", name="Juma Otieno")
    hire("viewer", factories.merchant(), email="other@example.co.ke")
    text = section(owner.get("/admin/people/"))
    assert "Juma Otieno" in text
    assert "juma@example.co.ke" in text
    assert "other@example.co.ke" not in text


def test_a_person_is_added_with_a_password_that_is_shown_once(app, owner):
    page = invite(owner, name="Juma")
    password = forms.page(page).find(class_="big").text
    juma = accounts.named("juma@example.co.ke")
    assert (juma.role, juma.name, juma.must_change_password) == ("support", "Juma", True)
    assert juma.merchant_id == fresh(owner.person.id).merchant_id
    assert password not in owner.get(f"/admin/people/{juma.id}").text
    client = app.test_client()
    knock(client, "juma@example.co.ke", password)
    assert client.get("/admin/").location == "/admin/account/password"
    made = select(AuditEvent.actor).where(AuditEvent.action == "staff.created")
    actor = made.order_by(AuditEvent.seq)
    assert db.session.scalars(actor).all() == ["command", f"staff:{owner.person.id}"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"email": "juma"}, "EMAIL must look like"),
        ({"role": "operator"}, "Choose a role."),
        ({"role": "boss"}, "Choose a role."),
        ({"role": ""}, "Choose a role."),
    ],
)
def test_who_cannot_be_added_is_explained_and_nothing_typed_is_lost(owner, sent, said):
    answer = invite(owner, name="Juma", **sent)
    assert answer.status_code == 422
    assert said in answer.text
    assert forms.page(answer).find(id="name")["value"] == "Juma"
    assert len(db.session.scalars(select(Staff)).all()) == 1


def test_an_address_has_one_account_whoever_asks(owner):
    hire("viewer", factories.merchant(), email="juma@example.co.ke")
    assert "already" in invite(owner).text


def test_only_an_operator_makes_operators(app):
    operator = sitting(app, "operator")
    assert invite(operator, role="operator").status_code == 200
    assert accounts.named("juma@example.co.ke").role == "operator"


def test_a_closed_account_is_out_at_once_and_can_come_back(app, owner):
    juma = sitting(app, "support")
    answer = change(owner, juma.person.id, "disable")
    assert answer.location == f"/admin/people/{juma.person.id}"
    assert "The account is closed." in owner.get(answer.location).text
    assert juma.get("/admin/").status_code == 303
    assert knock(app.test_client(), juma.person.email).status_code == 422
    change(owner, juma.person.id, "enable")
    assert knock(app.test_client(), juma.person.email).status_code == 303
    events = select(AuditEvent.details).where(AuditEvent.action == "staff.disabled")
    assert db.session.scalars(events).all() == [{"reason": WHY}]


@pytest.mark.parametrize("reason", ["", "  ", "x", "call 0712 345 678", "ask juma@example.co.ke"])
def test_without_a_reason_that_may_be_kept_nothing_happens(app, owner, reason):
    juma = sitting(app, "support")
    answer = change(owner, juma.person.id, "disable", reason=reason)
    assert answer.status_code == 422
    assert forms.page(answer).find(id="reason")["aria-invalid"] == "true"
    assert juma.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "name", ["disable", "remove-second-factor", "new-password", "sign-out", "enable"]
)
def test_nobody_does_it_to_themselves(owner, name):
    hire("owner")
    answer = change(owner, owner.person.id, name)
    assert answer.status_code == 422
    assert "Not your own account" in answer.text
    assert owner.get("/admin/").status_code == 200


def test_nobody_changes_their_own_role(owner):
    hire("owner")
    assert change(owner, owner.person.id, "role", role="viewer").status_code == 422


def test_the_last_owner_stays_even_for_an_operator(app, owner):
    operator = sitting(app, "operator")
    assert "last owner" in change(operator, owner.person.id, "disable").text
    assert "last owner" in change(operator, owner.person.id, "role", role="viewer").text
    assert owner.get("/admin/people/").status_code == 200


def test_a_role_is_changed(app, owner):
    juma = sitting(app, "viewer")
    assert change(owner, juma.person.id, "role", role="owner").status_code == 303
    assert juma.get("/admin/people/").status_code == 200
    assert change(owner, juma.person.id, "role", role="operator").status_code == 422
    assert fresh(juma.person.id).role == "owner"


def test_whoever_lost_the_phone_logs_in_with_the_password_again(app, owner):
    juma = hire("support")
    enrolled(juma)
    email = juma.email
    browser = sit(app.test_client(), juma)
    change(owner, juma.id, "remove-second-factor")
    assert browser.get("/admin/").status_code == 303
    assert knock(app.test_client(), email).location == "/admin/"


def test_a_temporary_password_takes_the_place_of_the_old_one(app, owner):
    juma = sitting(app, "support")
    password = forms.page(change(owner, juma.person.id, "new-password")).find(class_="big").text
    assert juma.get("/admin/").status_code == 303
    assert knock(app.test_client(), juma.person.email).status_code == 422
    assert knock(app.test_client(), juma.person.email, password).status_code == 303


def test_an_owner_sees_and_ends_the_sessions_of_their_people(app, owner):
    juma = sitting(app, "support")
    assert "Chrome on Android" in section(owner.get(f"/admin/people/{juma.person.id}"))
    change(owner, juma.person.id, "sign-out")
    assert juma.get("/admin/").status_code == 303
    assert "Nowhere at the moment" in section(owner.get(f"/admin/people/{juma.person.id}"))
    theirs = select(StaffSession.end_reason).where(StaffSession.staff_id == juma.person.id)
    assert db.session.scalars(theirs).all() == ["ended"]


def test_an_owner_can_require_a_second_factor_of_everybody(app, owner):
    juma = sitting(app, "support")
    send(owner, "/admin/people/second-factor", "/admin/people/", required="1")
    assert juma.get("/admin/").location.startswith("/admin/account/second-factor/")
    assert owner.get("/admin/people/").location.startswith("/admin/account/second-factor/")


def test_making_it_optional_wants_a_reason(app):
    person = hire("owner")
    enrolled(person)
    person.merchant.second_factor_required = True
    db.session.commit()
    client = sit(app.test_client(), person)
    path = "/admin/people/second-factor"
    answer = send(client, path, "/admin/people/", required="0")
    assert "Give a reason" in client.get(answer.location).text
    assert fresh(person.id).merchant.second_factor_required
    send(client, path, "/admin/people/", required="0", reason="phones are not allowed inside")
    assert not fresh(person.id).merchant.second_factor_required
