"""What customers are told about their data, and that a payment keeps what its customer read."""

import re
from hashlib import sha256

import pytest
from sqlalchemy import select

from app.extensions import db
from app.payments import by_staff
from app.payments.models import Payment
from app.web import privacy
from tests import factories
from tests.web import forms
from tests.web.test_payment_page import later, settle, started

# What each version said, in both languages. A change of a word is a new version, and a new line here.
TEXTS = {1: "a5d602a1450087e2f0f1b33e55d827fc01918370336f019529f9961968387cc4"}


@pytest.fixture
def duka(app):
    made = factories.merchant(name="Duka Mbili")
    made.support = "help@duka.test"
    db.session.commit()
    return made


def said(client, path, language):
    page = forms.page(client.get(f"{path}?lang={language}"))
    return re.sub(r"\s+", " ", page.find("main").text).strip()


def test_a_text_is_what_its_version_says(client, plan, duka):
    pages = ("/privacy", "/m/duka/privacy")
    texts = [said(client, path, language) for language in ("en", "sw") for path in pages]
    for language in ("en", "sw"):
        form = said(client, "/subscribe/standard", language)
        texts += [one.strip() for one in re.findall(r"[^.]*(?:privacy|faragha)[^.]*\.", form)]
    merged = "\n".join(texts)
    assert TEXTS[privacy.VERSION] == sha256(merged.encode()).hexdigest(), merged


def test_the_default_merchant_speaks_for_itself_and_others_name_who_runs_it(client, plan, duka):
    own, other = said(client, "/privacy", "en"), said(client, "/m/duka/privacy", "en")
    assert "Duka sells to you" in own
    assert "runs this page for them" not in own
    assert "Duka Mbili sells to you" in other
    assert "Duka runs this page for them" in other
    assert "Ask Duka Mbili. How to reach them" in other
    assert "Data Protection Commissioner" in other


def test_a_merchant_that_is_not_there_has_no_notice(client, plan):
    assert client.get("/m/nobody/privacy").status_code == 404


@pytest.mark.parametrize("path", ["/", "/subscribe/standard", "/help/mpesa", "/privacy"])
def test_every_page_leads_there(client, plan, path):
    links = forms.page(client.get(path)).find("footer").find_all("a")
    assert "/privacy" in [link["href"] for link in links]


def test_the_payments_pages_lead_to_their_merchants_notice(client, duka):
    payment, hook = factories.pending(factories.plan(duka))
    settle(hook, factories.success())
    for path in (f"/pay/{payment.token}", f"/pay/{payment.token}/receipt"):
        assert 'href="/m/duka/privacy"' in client.get(path).text


@pytest.mark.parametrize("language", ["en", "sw"])
def test_a_payment_keeps_what_its_customer_read(client, plan, language):
    client.set_cookie("lang", language)
    form = forms.page(client.get("/subscribe/standard"))
    assert "/privacy" in [link["href"] for link in form.find("form").find_all("a")]
    started(client)
    payment = db.session.scalars(select(Payment)).one()
    assert (payment.consent_version, payment.consent_language) == (privacy.VERSION, language)


@pytest.mark.parametrize("typed", ["", "0", "99", "x", "\u0661", "1" * 80])
def test_a_version_that_never_was_is_todays(client, plan, typed):
    forms.order(client, terms=typed)
    assert db.session.scalars(select(Payment.consent_version)).one() == privacy.VERSION


def test_a_retry_is_agreed_to_already(client, plan):
    payment, hook = started(client)
    settle(hook, factories.failure())
    with later(seconds=121):
        forms.press(client, f"/pay/{payment.token}/retry")
    kept = db.session.scalars(select(Payment.consent_version)).all()
    assert kept == [privacy.VERSION, privacy.VERSION]


def test_what_staff_ask_for_was_not_agreed_to_by_a_press_of_the_button(client, plan):
    payment, hook = started(client)
    settle(hook, factories.success())
    with later(days=20):
        asked = by_staff.ask(payment.invoice.subscription, "staff:1", "an-attempt")
        db.session.commit()
    assert (asked.consent_version, asked.consent_language) == (None, None)
