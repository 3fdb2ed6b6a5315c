"""What a reviewer once found in the pages: it stays mended."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.jobs import work
from app.payments.models import Payment
from tests import factories
from tests.web import forms

FULL = "0712\u00a0345\u00a0678"
OTHER = "0722 000 000"


def later(seconds):
    return time_machine.travel(clock.now() + timedelta(seconds=seconds))


def newest():
    db.session.rollback()
    return db.session.scalars(select(Payment).order_by(Payment.id.desc()).limit(1)).one()


def fail(payment, checkout_id="ws_CO_1"):
    hook = factories.sent(payment)
    factories.accepted(payment, checkout_id)
    factories.deliver(hook, factories.failure(checkout_id=checkout_id))
    work.settle_inbox()
    return payment


def failed(client):
    """A payment that this browser started, and that Safaricom has failed."""
    forms.order(client)
    return fail(newest())


def shown(browser, location):
    return browser.get(location).text


@pytest.mark.parametrize("typed", ["0799 000 111", "0712 345 678", OTHER])
def test_an_old_link_does_not_tell_the_number_of_what_was_retried(app, client, plan, typed):
    old = failed(client)
    with later(125):
        location = forms.press(client, f"/pay/{old.token}/retry").location
        stranger = app.test_client()
        answer = forms.press(stranger, f"/pay/{old.token}/number", phone=typed)
        assert answer.location == location
        assert FULL not in shown(stranger, location)
        assert FULL in shown(client, location)


def test_an_old_link_does_not_tell_the_number_that_another_browser_typed(app, client, plan):
    old = failed(client)
    with later(125):
        location = forms.press(client, f"/pay/{old.token}/number", phone=OTHER).location
        stranger = app.test_client()
        forms.press(stranger, f"/pay/{old.token}/number", phone="0799 000 111")
        assert "0722\u00a0000\u00a0000" not in shown(stranger, location)
        assert "0722\u00a0000\u00a0000" in shown(client, location)


def test_another_number_for_what_is_being_asked_for_is_422(client, plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    old = failed(client)
    forms.order(client)
    live = newest()
    assert live.invoice_id == old.invoice_id
    answer = forms.press(client, f"/pay/{old.token}/number", phone=OTHER)
    assert answer.status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Payment)) == 2


def test_a_purchase_of_what_another_phone_is_asked_for_is_429(app, client, plan):
    old = failed(client)
    with later(100):
        assert forms.press(client, f"/pay/{old.token}/number", phone=OTHER).status_code == 303
    with later(125):
        answer = forms.order(app.test_client())
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_the_sixth_purchase_of_one_invoice_in_an_hour_is_429(client, plan):
    start = clock.now()
    for n in range(5):
        with time_machine.travel(start + timedelta(seconds=125 * n)):
            assert forms.order(client).status_code == 303
            fail(newest(), f"ws_CO_{n}")
    with time_machine.travel(start + timedelta(seconds=125 * 5)):
        answer = forms.order(client)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 2000


@pytest.mark.parametrize("address", ["unknown", "1.2.3.4:4711", "", "fe80::1%eth0", "2001:db8::1"])
def test_no_address_is_too_odd_for_a_customer_or_for_safaricom(client, plan, address):
    client.environ_base["REMOTE_ADDR"] = address
    assert forms.order(client).status_code == 303
    payment = newest()
    hook = factories.sent(payment)
    answer = client.post(f"/hooks/v1/d/{hook}", data=factories.success())
    assert answer.status_code == 200
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
