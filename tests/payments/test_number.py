"""A payment keeps the number that it went through, whatever the merchant's is by now."""

import pytest
from sqlalchemy import select

from app import merchants
from app.extensions import db
from app.jobs import work
from app.jobs.safaricom import daraja_client
from app.ledger import LedgerEntry
from app.merchants import mpesa
from app.merchants.mpesa import Number
from app.payments import charging, reconciliation
from tests import factories

OWNER = "staff:1"


@pytest.fixture
def duka(app):
    return factories.merchant()


def question(payment):
    payment.next_question_at = payment.sending_at
    db.session.commit()
    asked = reconciliation.claim()
    db.session.rollback()
    return asked.credentials


def accounts():
    entries = db.session.scalars(select(LedgerEntry.account)).all()
    return {account for account in entries if account.startswith("mpesa:")}


def test_a_prompt_that_went_through_its_own_number_stays_there(duka):
    own = duka.credentials()
    payment, hook = factories.pending(factories.plan(duka))
    assert payment.number == "600123"
    mpesa.use_platform(duka, on=True, actor=OWNER)
    db.session.commit()
    assert question(payment) == own
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert accounts() == {"mpesa:600123"}


def test_a_prompt_that_went_through_the_platforms_stays_there_too(duka):
    mpesa.use_platform(duka, on=True, actor=OWNER)
    db.session.commit()
    payment, hook = factories.pending(factories.plan(duka))
    mpesa.use_platform(duka, on=False, actor=OWNER)
    db.session.commit()
    assert payment.number == "174379"
    assert question(payment) == merchants.named("default").credentials()
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert accounts() == {"mpesa:174379"}


def test_a_prompt_of_a_number_that_is_gone_is_asked_about_by_the_new_one(duka):
    payment, _ = factories.pending(factories.plan(duka))
    mpesa.set_number(duka, Number("600999"), actor=OWNER)
    db.session.commit()
    assert question(payment).shortcode == "600999"
    assert payment.number == "600123"


def test_a_payment_that_was_never_sent_has_none(duka):
    payment = factories.bought(factories.plan(duka))
    assert payment.shortcode is None
    assert payment.number == "600123"


def test_new_secrets_are_used_from_the_next_prompt_on(duka, safaricom):
    """In this process, whose client and token are of the old ones; and so in all."""
    plan = factories.plan(duka)
    factories.bought(plan)
    first = charging.claim().credentials
    db.session.rollback()
    daraja_client(first).token()
    mpesa.set_secret(duka, "consumer_secret", "rolled-over", actor=OWNER)
    db.session.commit()
    second = charging.claim().credentials
    db.session.rollback()
    assert second.consumer_secret == "rolled-over"
    before = len(safaricom.calls)
    daraja_client(second).stk_query("ws_CO_1")
    asked = [call.request for call in safaricom.calls[before:]]
    assert asked[0].url.startswith("http://daraja.test/oauth/")
    assert asked[0].headers["Authorization"] == "Basic azI6cm9sbGVkLW92ZXI="
