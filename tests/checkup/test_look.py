"""What the checklist reads from the rows."""

import pytest

from app import checkup, merchants
from app.extensions import db
from app.jobs import work
from app.merchants import mpesa
from tests import factories

MIXED_UP = "Agent number and Store number you have entered do not match"


@pytest.fixture
def duka(app):
    return factories.merchant(till="5432100")


def test_a_new_merchant_has_sent_and_heard_nothing(duka):
    found = checkup.look(duka)
    assert (found.sent, found.mixed_up, found.heard_at, found.sharers) == (0, 0, None, 0)
    assert found.verdict.state == "pending"
    assert found.credentials.passkey == "p2"


def test_messages_count_and_those_of_strangers_do_not(duka, client):
    _, hook = factories.pending(factories.plan(duka))
    client.post(f"/hooks/v1/d/{'0' * 32}", data=b"{}")
    found = checkup.look(duka)
    assert (found.sent, found.heard_at) == (1, None)
    factories.deliver(hook, factories.success())
    assert checkup.look(duka).heard_at is not None
    assert checkup.look(merchants.named("default")).heard_at is None


def test_a_mixed_up_till_is_seen_until_somebody_has_paid(duka):
    plan = factories.plan(duka)
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure(2002, text=MIXED_UP))
    work.settle_inbox()
    assert checkup.look(duka).mixed_up == 1
    _, hook = factories.pending(plan, "254712345679", "ws_CO_2")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_2"))
    work.settle_inbox()
    assert checkup.look(duka).mixed_up == 0


def test_the_platforms_number_and_shared_ones_are_seen(duka):
    factories.merchant("other")
    assert checkup.look(duka).sharers == 1
    mpesa.use_platform(duka, on=True, actor="staff:1")
    db.session.commit()
    found = checkup.look(duka)
    assert found.on_others_number
    assert found.credentials.shortcode == "174379"


def test_the_initiator_and_the_end_of_its_certificate(duka):
    mpesa.set_initiator(duka, "api", "pass word", actor="staff:1")
    found = checkup.look(duka)
    assert found.has_initiator
    assert found.certificate_until is None
    db.session.commit()
