"""A merchant's settings are tried: the keys at Safaricom, a shilling on a phone."""

import re

import pytest
import requests
from sqlalchemy import select

from app import merchants
from app.audit import AuditEvent
from app.billing.models import Plan
from app.checkup import connection
from app.daraja import Client, Tokens
from app.errors import MustWait
from app.extensions import db
from app.jobs import housekeeping, work
from app.merchants import mpesa, verification
from app.payments.charging import Payer
from tests import factories
from tests.conftest import DARAJA

QUERY = f"{DARAJA}/mpesa/stkpushquery/v1/query"
OWNER = "staff:1"
PAYER = Payer(factories.PHONE, None)


@pytest.fixture
def duka(app):
    return factories.merchant()


def error(message, code="500.001.1001"):
    return {"requestId": "1-2-3", "errorCode": code, "errorMessage": message}


def tried(merchant):
    return connection.try_keys(Client(merchant.credentials(), Tokens()))


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        (error("The transaction does not Exist"), "verified", "took key, secret and number."),
        (error("Wrong credentials"), "failed", "number and passkey do not belong together"),
        (error("Invalid Access Token", "404.001.03"), "failed", "lacks the product"),
        (error("Something new"), "verified", "It said nothing about the number."),
    ],
)
def test_the_keys_are_tried(safaricom, duka, answer, state, says):
    safaricom.post(QUERY, json=answer, status=int(answer["errorCode"][:3]))
    found = tried(duka)
    assert found.state == state
    assert says in found.reason


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ({"status": 400}, "refused the consumer key and secret (HTTP 400)"),
        ({"status": 503, "body": "<html>"}, "Safaricom gave no token"),
        ({"body": requests.ConnectTimeout()}, "could not connect (ConnectTimeout)"),
    ],
)
def test_why_there_was_no_token_is_said(safaricom, duka, problem, says):
    safaricom.replace("GET", re.compile(f"{DARAJA}/oauth/.*"), **problem)
    found = tried(duka)
    assert found.state == "failed"
    assert says in found.reason
    assert "s2" not in found.reason.split()


def prompted(merchant, payer=PAYER):
    payment = connection.prompt(merchant, payer, f"try-{payer.phone}", actor=OWNER)
    db.session.commit()
    return payment


def sent(payment):
    hook = factories.sent(payment)
    factories.accepted(payment)
    return hook


def settled(hook, message):
    factories.deliver(hook, message)
    work.settle_inbox()


def test_a_shilling_is_an_ordinary_payment_that_nobody_else_can_make(duka, client):
    payment = prompted(duka)
    assert (payment.amount, payment.status) == (1, "created")
    plan = db.session.scalars(select(Plan)).one()
    assert plan.retired_at is not None
    assert client.get(f"/m/duka/subscribe/{plan.code}").status_code == 410
    assert "Connection test" not in client.get("/m/duka").text
    settled(sent(payment), factories.success(amount=1))
    assert payment.status == "paid"
    assert connection.note_proof(duka)
    db.session.commit()
    found = verification.of(duka)
    assert (found.state, found.reason) == ("verified", "A phone paid one shilling.")


def test_the_plan_is_made_once(duka):
    prompted(duka)
    prompted(duka, Payer("254712345679", None))
    assert len(db.session.scalars(select(Plan)).all()) == 1


def test_a_second_prompt_waits_like_everybodys(duka):
    prompted(duka)
    with pytest.raises(MustWait):
        connection.prompt(duka, PAYER, "another", actor=OWNER)
    db.session.rollback()


@pytest.mark.parametrize("code", [1, 1032, 1037, 2001])
def test_whoever_refuses_the_prompt_has_proved_it_too(duka, code):
    settled(sent(prompted(duka)), factories.failure(code))
    assert connection.note_proof(duka)
    db.session.commit()
    assert verification.of(duka).state == "verified"
    assert not connection.note_proof(duka)  # once


def test_a_mixed_up_till_fails_it(duka):
    verification.note(duka, duka.credentials(), "verified", "Tried.", actor=OWNER)
    db.session.commit()
    settled(sent(prompted(duka)), factories.failure(2002))
    assert connection.note_proof(duka)
    db.session.commit()
    found = verification.of(duka)
    assert (found.state, found.reason) == ("failed", "M-PESA refused the prompt (code 2002).")


@pytest.mark.parametrize("code", [1001, 26, 80061])
def test_what_proves_nothing_is_not_noted(duka, code):
    settled(sent(prompted(duka)), factories.failure(code))
    assert not connection.note_proof(duka)
    assert verification.of(duka).state == "pending"
    db.session.rollback()


def test_a_prompt_of_the_old_settings_proves_nothing_of_the_new(duka):
    payment = prompted(duka)
    hook = sent(payment)
    mpesa.set_secret(duka, "passkey", "another-passkey", actor=OWNER)
    db.session.commit()
    settled(hook, factories.success(amount=1))
    assert not connection.note_proof(duka)
    assert verification.of(duka).state == "pending"


def test_an_old_proof_does_not_undo_a_later_verdict(duka):
    settled(sent(prompted(duka)), factories.success(amount=1))
    verification.note(duka, duka.credentials(), "failed", "The app was blocked.", actor=OWNER)
    db.session.commit()
    assert not connection.note_proof(duka)


def test_an_untried_merchant_has_no_proof(duka):
    assert not connection.note_proof(duka)
    assert not connection.note_proof(merchants.named("default"))


def test_the_scheduler_notes_it_when_nobody_looks(duka, set_setting):
    factories.merchant("other", shortcode="600124")
    settled(sent(prompted(duka)), factories.success(amount=1))
    housekeeping.hourly()
    assert verification.of(duka).state == "verified"
    actions = db.session.scalars(select(AuditEvent.action).where(AuditEvent.actor == "safaricom"))
    assert "merchant.connection_tried" in actions.all()


def test_a_key_that_is_gone_does_not_stop_the_scheduler(duka, set_setting):
    settled(sent(prompted(duka)), factories.success(amount=1))
    set_setting(encryption_keys=(("k9", b"\x09" * 32),))
    assert connection.note_proofs() == 0
