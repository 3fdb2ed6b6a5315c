"""M-PESA settings: who sees them, who sets them, and that nobody ever reads a secret back."""

import gzip
import io
import re

import html5lib
import pytest
import responses
from bs4 import BeautifulSoup
from sqlalchemy import select

from app import merchants
from app.audit import AuditEvent
from app.extensions import db
from app.jobs import work
from app.merchants import mpesa
from app.payments.models import Payment
from tests import factories
from tests.conftest import DARAJA
from tests.merchants.test_certificates import PEM, certificate, key  # noqa: F401
from tests.web import forms
from tests.web.admin.desk import section, send, sitting

SETTINGS = "/admin/settings/"
CANARY = "Canary+Secret/8842"
TYPED_INTO = [(f"secrets/{name}", "") for name in merchants.SECRETS] + [
    ("initiator", "api"),
    ("initiator", ""),
]
NOT_THERE = {"errorCode": "500.001.1001", "errorMessage": "The transaction does not Exist"}
PAGES = {
    "/admin/settings/": 7,
    "/admin/settings/number": 5,
    "/admin/settings/secrets/passkey": 5,
    "/admin/settings/initiator": 5,
    "/admin/settings/certificate": 5,
    "/admin/settings/platform": 5,
    "/admin/settings/face/": 5,
    "/admin/merchants/": 5,
    "/admin/merchants/new": 5,
}


@pytest.fixture
def duka(app):
    return factories.merchant()


@pytest.fixture
def owner(app, duka):
    return sitting(app, "owner", duka)


def fresh():
    db.session.expire_all()
    return merchants.named("duka")


def events():
    return {e.action: e.details for e in db.session.scalars(select(AuditEvent))}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_valid_light_and_labelled(app, duka, path):
    mpesa.set_initiator(duka, "api", CANARY, actor="staff:1")
    db.session.commit()
    client = sitting(app, "operator", duka)
    html = client.get(path).text
    html5lib.HTMLParser(strict=True).parse(html)
    assert len(gzip.compress(html.encode())) <= PAGES[path] * 1024
    page = BeautifulSoup(html, "html5lib")
    assert len(page.find_all("h1")) == 1
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for element in page.find_all(attrs={"aria-describedby": True}):
        assert set(element["aria-describedby"].split()) <= set(ids)
    for field in page.find_all(["input", "select", "textarea"]):
        named = field.get("type") == "hidden" or field.find_parent("label")
        assert named or page.find("label", attrs={"for": field["id"]})
    for form in page.find_all("form"):
        assert form["action"].startswith("/admin/")
        assert form.find("input", attrs={"name": "csrf_token"})["value"]
    assert all(script.get("src") for script in page.find_all("script"))
    assert page.select(".nav [aria-current=page]")


@pytest.mark.parametrize("role", ["viewer", "support", "finance"])
def test_others_see_the_state_and_no_end_of_a_secret(app, duka, role):
    mpesa.set_secret(duka, "passkey", CANARY, actor="staff:1")
    db.session.commit()
    client = sitting(app, role, duka)
    page = client.get(SETTINGS)
    assert "Paybill 600123" in page.text
    assert "8842" not in page.text
    assert not forms.page(page).select("main form")
    for path in [path for path in PAGES if path != SETTINGS]:
        assert client.get(path).status_code == 403


def test_an_owner_sees_the_end_of_a_secret_and_its_day(owner, duka):
    mpesa.set_secret(duka, "passkey", CANARY, actor="staff:1")
    db.session.commit()
    text = section(owner.get(SETTINGS))
    assert re.search(r"Passkey •••• 8842 Replace Passkey Set: Today \d\d:\d\d", text)
    assert "Pending" in text


def test_a_secret_of_before_days_were_kept_is_there_all_the_same(owner, duka):
    duka.secret_facts = {}
    db.session.commit()
    assert "Passkey •••• Replace Passkey Set: before days were kept" in section(owner.get(SETTINGS))
    assert owner.get("/admin/settings/secrets/passkey").status_code == 200


def test_the_default_merchants_secrets_are_the_environments(app):
    client = sitting(app, "owner")
    page = client.get(SETTINGS)
    assert "From the environment" in page.text
    assert "Paybill 174379" in page.text
    assert "secrets/passkey" not in page.text
    answer = send(client, "/admin/settings/secrets/passkey", value=CANARY)
    assert answer.status_code == 422
    assert "MPESA_" in answer.text


@pytest.mark.parametrize("name", merchants.SECRETS)
def test_a_secret_is_replaced(owner, duka, name):
    answer = send(owner, f"/admin/settings/secrets/{name}", value=f" {CANARY} ")
    assert answer.location == SETTINGS
    assert getattr(fresh().credentials(), name) == CANARY
    assert events()["merchant.secret_set"] == {"name": name}
    assert "Test the connection" in owner.get(SETTINGS).text


def test_a_number_is_set(owner, duka):
    given = {"kind": "till", "shortcode": "600124", "till": "5432100"}
    assert send(owner, "/admin/settings/number", **given).status_code == 303
    assert (fresh().number, fresh().till) == ("600124", "5432100")
    given = {"kind": "paybill", "shortcode": "600124", "till": "5432100"}
    send(owner, "/admin/settings/number", **given)
    assert fresh().till is None


def test_what_is_wrong_is_said_and_what_was_typed_stays(owner, duka):
    answer = send(owner, "/admin/settings/number", kind="till", shortcode="12", till="5432100")
    assert answer.status_code == 422
    assert "The store number is 5 to 7 digits." in answer.text
    page = forms.page(answer)
    assert page.find(id="shortcode")["value"] == "12"
    assert page.find(id="till")["value"] == "5432100"
    assert page.title.text.startswith("Error:")


def test_an_initiator_and_a_certificate_are_kept(owner, duka, key):  # noqa: F811
    send(owner, "/admin/settings/initiator", initiator="api", password=CANARY)
    file = (io.BytesIO(certificate(key).public_bytes(PEM)), "../../etc/passwd.cer")
    assert send(owner, "/admin/settings/certificate", certificate=file).status_code == 303
    found = fresh()
    assert found.initiator == "api"
    assert found.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert "Good until" in owner.get(SETTINGS).text
    wrong = (io.BytesIO(b"hello"), "x.cer")
    answer = send(owner, "/admin/settings/certificate", certificate=wrong)
    assert answer.status_code == 422
    assert "no X.509 certificate" in answer.text
    assert send(owner, "/admin/settings/certificate").status_code == 303
    assert fresh().certificate is None


def test_nothing_that_was_typed_is_ever_shown_or_logged(owner, duka, caplog):
    """The canary goes in wherever something goes in, rightly and wrongly."""
    caplog.set_level("DEBUG")
    answers = [
        send(owner, f"{SETTINGS}{path}", value=value, password=value, initiator=name)
        for value in (CANARY, f"{CANARY} {CANARY}", CANARY * 40)
        for path, name in TYPED_INTO
    ]
    pages = [
        owner.get(path) for path in PAGES if "platform" not in path and "merchants" not in path
    ]
    assert {answer.status_code for answer in answers} == {303, 422}
    said = "".join(answer.text for answer in (*answers, *pages))
    told = str([event.details for event in db.session.scalars(select(AuditEvent))])
    for text in (said, told, caplog.text):
        assert CANARY not in text
    assert fresh().credentials().passkey == CANARY


def test_one_merchants_owner_does_not_touch_anothers(app, duka):
    other = factories.merchant("other", shortcode="600999")
    client = sitting(app, "owner", other)
    send(client, "/admin/settings/secrets/passkey", value=CANARY)
    assert "600123" not in client.get(SETTINGS).text
    assert fresh().credentials().passkey == "p2"
    assert merchants.named("other").credentials().passkey == CANARY


def test_dear_changes_ask_whether_it_is_still_you(app, duka):
    client = sitting(app, "owner", duka, proved=False)
    for path in ("number", "secrets/passkey", "initiator", "certificate"):
        assert "/admin/account/proof" in client.get(f"{SETTINGS}{path}").location
    assert client.get(SETTINGS).status_code == 200


def press(client, what, **data):
    return send(client, f"{SETTINGS}{what}", SETTINGS, **data)


def queried(wire, answer=NOT_THERE):
    status = int(answer["errorCode"][:3])
    wire.post(f"{DARAJA}/mpesa/stkpushquery/v1/query", json=answer, status=status)


def test_the_connection_is_tested(owner, safaricom):
    queried(safaricom)
    assert press(owner, "test").location == SETTINGS
    text = section(owner.get(SETTINGS))
    assert "Connection Verified" in text
    assert "Safaricom took key, secret and number." in text
    assert "Connection tried: verified" in text
    [asked] = [call.request for call in safaricom.calls if "oauth" in call.request.url]
    assert asked.headers["Authorization"] == "Basic azI6czI="


def test_keys_that_open_nothing_are_told_in_words(owner, safaricom):
    safaricom.replace("GET", re.compile(f"{DARAJA}/oauth/.*"), status=400)
    press(owner, "test")
    text = section(owner.get(SETTINGS))
    assert "Connection Failed" in text
    assert "refused the consumer key and secret" in text


def test_safaricom_is_not_asked_for_ever(owner, safaricom):
    queried(safaricom)
    for _ in range(5):
        press(owner, "test")
    before = len(safaricom.calls)
    press(owner, "test")
    assert len(safaricom.calls) == before
    assert "Safaricom was asked often enough" in owner.get(SETTINGS).text


def test_what_is_missing_comes_first(owner, duka, safaricom):
    duka.passkey = None
    db.session.commit()
    press(owner, "test")
    assert "Set the passkey first." in owner.get(SETTINGS).text
    assert not safaricom.calls


def test_a_shilling_goes_to_a_phone_and_its_page_shows_what_becomes_of_it(owner, duka):
    answer = press(owner, "prompt", phone="0712 345 678", attempt="attempt-1")
    payment = db.session.scalars(select(Payment)).one()
    assert (payment.amount, payment.merchant_id) == (1, duka.id)
    assert answer.location == f"/pay/{payment.token}"
    assert "0712\u00a0345\u00a0678" in owner.get(answer.location).text
    assert press(owner, "prompt", phone="0712 345 678", attempt="attempt-1").location
    assert len(db.session.scalars(select(Payment)).all()) == 1
    hook = factories.sent(payment)
    factories.accepted(payment)
    factories.deliver(hook, factories.failure(1032))
    work.settle_inbox()
    assert "the person at the phone did not pay" in section(owner.get(SETTINGS))


@pytest.mark.parametrize(("phone", "status"), [("071", 422), ("0712 345 678", 429)])
def test_a_prompt_that_cannot_go_is_explained(owner, duka, phone, status):
    press(owner, "prompt", phone="0712 345 678")
    answer = press(owner, "prompt", phone=phone, attempt="another")
    assert answer.status_code == status
    page = forms.page(answer)
    assert page.find(id="phone")["value"] == phone
    assert page.find(id="phone-error").text


def test_the_checklist_is_there_and_asks_from_outside_when_told(owner, safaricom, client):
    text = section(owner.get(SETTINGS))
    assert "Clock Not asked yet. Unknown" in text
    queried(safaricom)
    safaricom.add_callback(
        responses.GET,
        "http://localhost/healthz",
        lambda request: (200, {}, client.get(request.url.removeprefix("http://localhost")).text),
    )
    safaricom.get(f"{DARAJA}/", status=404, headers={"Date": "Mon, 23 Nov 2026 12:00:00 GMT"})
    answer = press(owner, "checklist")
    text = section(answer)
    assert "Reached from outside Answered in" in text
    assert "Asking about payments Allowed. Good" in text
    assert "Not asked yet" not in text


def test_the_callback_address_can_be_copied(owner):
    page = forms.page(owner.get(SETTINGS))
    assert page.find(id="callback")["value"] == "http://localhost/hooks/v1/"
    assert page.find(attrs={"data-copy": "callback"}).has_attr("hidden")
    assert page.find("script")["src"].startswith("/static/copy.")


def test_a_key_that_is_gone_is_said(owner, set_setting):
    set_setting(encryption_keys=(("k9", b"\x09" * 32),))
    page = owner.get(SETTINGS)
    assert page.status_code == 200
    assert "its key is missing from ENCRYPTION_KEYS" in page.text


def test_who_changed_what_is_told(app, owner, duka):
    send(owner, "/admin/settings/secrets/passkey", value=CANARY)
    operator = sitting(app, "operator", merchants.named("default"))
    send(operator, f"/admin/merchants/{duka.id}/act-for", "/admin/merchants/")
    send(operator, "/admin/settings/secrets/passkey", value=CANARY)
    text = section(owner.get(SETTINGS))
    assert f"Secret set: passkey {owner.person.email}" in text
    assert "Secret set: passkey The platform" in text
    assert operator.person.email not in text
    assert operator.person.email in section(operator.get(SETTINGS))


def test_only_operators_switch_who_collects(app, owner, duka):
    assert "Who collects" not in owner.get(SETTINGS).text
    assert owner.get("/admin/settings/platform").status_code == 403
    operator = sitting(app, "operator", duka)
    assert "Central Bank" in operator.get("/admin/settings/platform").text
    refused = send(operator, "/admin/settings/platform", on="1", reason="")
    assert refused.status_code == 422
    done = send(operator, "/admin/settings/platform", on="1", reason="until their go-live")
    assert done.status_code == 303
    assert fresh().uses_platform_shortcode
    assert events()["merchant.platform_number_used"] == {"reason": "until their go-live"}
    assert "The platform collects" in owner.get(SETTINGS).text
    send(operator, "/admin/settings/platform", on="0", reason="live now")
    assert not fresh().uses_platform_shortcode


def test_sums_of_money_say_who_collected_them(app, duka):
    merchants.named("default").name = "Malipo Ltd"
    owner, says = sitting(app, "owner", duka), "Collected by the number of Malipo Ltd"
    reports = ("", "payments/", "analytics/", "reconciliation/", "reconciliation/report")
    assert not [path for path in reports if says in section(owner.get(f"/admin/{path}"))]
    mpesa.use_platform(duka, on=True, actor="staff:1")
    db.session.commit()
    assert [path for path in reports if says in section(owner.get(f"/admin/{path}"))] == [*reports]


def test_the_pay_page_says_who_collects(client, duka):
    merchants.named("default").name = "Malipo Ltd"
    factories.plan(duka)
    page = "/m/duka/subscribe/standard"
    assert "Collected by" not in client.get(page).text
    mpesa.use_platform(duka, on=True, actor="staff:1")
    db.session.commit()
    assert "Malipo Ltd (M-PESA shows this name)" in client.get(page).text
    kiswahili = client.get(f"{page}?lang=sw").text
    assert "Malipo Ltd (M-PESA itaonyesha jina hili)" in kiswahili
    client.get(f"{page}?lang=en")
    payment = factories.bought(factories.plan(duka, code="gold"))
    factories.sent(payment)
    assert "Malipo Ltd (M-PESA shows this name)" in client.get(f"/pay/{payment.token}").text
    mpesa.use_platform(duka, on=False, actor="staff:1")
    db.session.commit()
    assert "Malipo Ltd (" in client.get(f"/pay/{payment.token}").text  # it was sent so


def test_the_face_is_changed_all_or_nothing(owner, duka):
    page = "/admin/settings/face/"
    given = {"name": "Duka Tatu", "own_colour": "1", "colour": "#1A56B0", "support": "0722 000 111"}
    logo = (io.BytesIO(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "logo.svg")
    urls = "https://duka.test/thanks\nhttps://duka.test/more"
    assert send(owner, page, **given, return_urls=urls, logo=logo).status_code == 303
    found = fresh()
    assert (found.name, found.colour, found.support) == ("Duka Tatu", "#1a56b0", "0722 000 111")
    assert found.return_urls == urls.split()
    assert found.logo.startswith("<svg")
    answer = send(owner, page, name="Duka Nne", own_colour="1", colour="#ffff00")
    assert answer.status_code == 422
    assert "too faint" in answer.text
    assert forms.page(answer).find(id="name")["value"] == "Duka Nne"
    assert fresh().name == "Duka Tatu"
    send(owner, page, name="Duka Tatu", no_logo="1")
    assert (fresh().colour, fresh().logo, fresh().return_urls) == (None, None, [])


def test_only_what_differs_is_audited(owner, duka):
    send(owner, "/admin/settings/face/", name="Duka Mbili", support="at the gate", colour="#0a6b3d")
    assert {name for name in events() if "merchant" in name} == {
        "merchant.created",
        "merchant.support_set",
    }
