"""Operators: who is paid by this installation, and a new one."""

import pytest
from sqlalchemy import select

from app import merchants
from app.audit import AuditEvent
from app.extensions import db
from app.merchants import verification
from tests import factories
from tests.web.admin.desk import section, send, sitting

ALL, NEW = "/admin/merchants/", "/admin/merchants/new"
DUKA = {"slug": "duka", "name": "Duka Mbili", "kind": "paybill", "shortcode": "600123"}
TILL = {"kind": "till", "till": "5432100"}


@pytest.fixture
def operator(app):
    return sitting(app, "operator")


def test_everybody_is_listed_with_their_number_and_state(operator):
    duka = factories.merchant(till="5432100")
    verification.note(duka, duka.credentials(), "verified", "It worked.", actor="staff:1")
    db.session.commit()
    text = section(operator.get(ALL))
    assert "/m/duka Till 5432100 (store 600123) Verified" in text
    assert "/m/default Paybill 174379 Pending You act for them" in text


def test_a_list_with_a_key_that_is_gone_is_still_a_list(operator, set_setting):
    factories.merchant()
    set_setting(encryption_keys=(("k9", b"\x09" * 32),))
    assert "/m/duka Paybill 600123 Failed" in section(operator.get(ALL))


def test_a_merchant_is_made_and_its_secrets_come_later(operator):
    assert send(operator, NEW, **DUKA | TILL).location == ALL
    made = merchants.named("duka")
    assert (made.name, made.number, made.till) == ("Duka Mbili", "600123", "5432100")
    assert not made.uses_platform_shortcode
    [event] = db.session.scalars(select(AuditEvent).where(AuditEvent.merchant_id == made.id))
    assert event.action == "merchant.created"
    assert event.actor == f"staff:{operator.person.id}"


def test_one_without_a_number_is_an_explicit_choice(operator):
    send(operator, NEW, **DUKA | {"kind": "platform"})
    assert merchants.named("duka").uses_platform_shortcode
    assert merchants.named("duka").shortcode is None
    assert "The platform collects" in operator.get(ALL).text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"slug": "Duka!"}, "The address is 2 to 40"),
        ({"slug": "default"}, "already"),
        ({"name": " "}, "The name is one line"),
        ({"shortcode": "12"}, "The paybill number is"),
        ({"kind": "", "shortcode": ""}, "The paybill number is"),
        ({"kind": "till", "till": "1"}, "The till number is"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(operator, wrong, says):
    answer = send(operator, NEW, **DUKA | wrong)
    assert answer.status_code == 422
    assert says in answer.text
    assert merchants.named("duka") is None


@pytest.mark.parametrize("role", ["owner", "finance", "support", "viewer"])
def test_nobody_else_sees_them(app, role):
    client = sitting(app, role)
    for path in (ALL, NEW):
        assert client.get(path).status_code == 403


def test_an_operator_acts_for_one_and_sets_its_secrets(operator):
    send(operator, NEW, **DUKA | TILL)
    duka = merchants.named("duka")
    send(operator, f"/admin/merchants/{duka.id}/act-for", ALL)
    send(operator, "/admin/settings/secrets/passkey", value="a-new-passkey")
    db.session.expire_all()
    assert merchants.named("duka").credentials().passkey == "a-new-passkey"
