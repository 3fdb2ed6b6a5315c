"""Links that are opened again later: each wrong state has its own page, and offers no prompt."""

import pytest

from app import clock
from app.billing import invoices
from app.billing.models import Invoice
from app.daraja import Reason
from app.extensions import db
from app.jobs import work
from app.payments.customer import LINK_LIFE
from app.payments.models import Payment
from app.payments.states import FAILED
from tests import factories
from tests.web import forms


@pytest.fixture
def cancelled(plan):
    """A payment that failed, with its invoice open."""
    payment = factories.bought(plan)
    factories.sent(payment)
    factories.accepted(payment)
    payment.ended_at = clock.now()
    payment.move_to(FAILED, actor="test", reason=Reason.CANCELLED)
    db.session.commit()
    return payment.token


def shown(client, token):
    page = client.get(f"/pay/{token}")
    assert page.status_code == 200
    return forms.section(page)


def test_an_invoice_that_another_payment_paid(client, plan, cancelled, set_setting):
    set_setting(prompt_limits_enabled=False)
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    factories.accepted(payment, "ws_CO_2")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_2"))
    work.settle_inbox()
    section = shown(client, cancelled)
    assert "This is paid already" in section.text
    assert "You have not been charged" not in section.text
    assert section.find("form") is None


def test_an_invoice_that_was_cancelled(client, cancelled):
    invoices.void(db.session.query(Invoice).one())
    db.session.commit()
    section = shown(client, cancelled)
    assert "This request was cancelled" in section.text
    assert "You have not been charged" in section.text
    assert section.find("form") is None
    answer = forms.press(client, f"/pay/{cancelled}/retry")
    assert answer.status_code == 422


def test_a_link_that_is_too_old(client, cancelled, app):
    payment = db.session.query(Payment).one()
    payment.created_at = clock.now() - LINK_LIFE
    db.session.commit()
    section = shown(client, cancelled)
    assert "This payment link has expired" in section.text
    assert section.find("form") is None
    answer = forms.press(client, f"/pay/{cancelled}/retry")
    assert answer.status_code == 422
    assert db.session.query(Payment).count() == 1


@pytest.mark.parametrize("part", ["", "/receipt", "/receipt.pdf", "/status"])
def test_a_link_that_nobody_was_given(client, plan, part):
    answer = client.get(f"/pay/nobody-was-given-this{part}")
    assert answer.status_code == 404
    assert "We do not know this payment link" in answer.text
    assert "do not pay again" in answer.text


def test_a_plan_that_is_not_sold_any_more(client, plan):
    plan.retired_at = clock.now()
    db.session.commit()
    answer = client.get("/subscribe/standard")
    assert answer.status_code == 410
    assert "not sold any more" in answer.text
