"""English or Kiswahili: who decides, who remembers, and how to change it."""

import re

import pytest
from sqlalchemy import event

import config
from app import create_app
from app.billing.models import Subscriber
from app.extensions import db
from app.payments.models import Payment
from tests import factories
from tests.conftest import environment, let_go
from tests.web import forms
from tests.web.test_payment_page import later, settle, started

SWAHILI = {"Accept-Language": "sw-KE,sw;q=0.9,en;q=0.8"}


def spoken(answer):
    html = forms.page(answer).html
    assert html["lang"] == answer.headers["Content-Language"]
    return html["lang"]


def swahili(app):
    """Somebody who chose Kiswahili some time ago."""
    browser = app.test_client()
    browser.set_cookie("lang", "sw")
    return browser


@pytest.mark.parametrize(
    "link, cookie, browser, expected",
    [
        ("en", "sw", "sw", "en"),
        ("sw", "en", "en", "sw"),
        (None, "sw", "en", "sw"),
        (None, "en", "sw", "en"),
        (None, None, "sw", "sw"),
        (None, None, "sw-KE,en;q=0.9", "sw"),
        (None, None, "en-GB,sw;q=0.9", "en"),
        (None, None, "fr,sw_KE;q=0.9,en;q=0.8", "sw"),
        (None, None, "sw;q=0", "en"),
        (None, None, "fr", "en"),
        (None, None, "", "en"),
        ("fr", None, "", "en"),
        ("fr", "sw", "", "sw"),
        ("", "xx", "sw", "sw"),
        ("../../etc", "<script>", "", "en"),
    ],
)
def test_the_link_then_the_cookie_then_the_browser(app, link, cookie, browser, expected):
    visitor = app.test_client()
    if cookie:
        visitor.set_cookie("lang", cookie)
    query = {} if link is None else {"lang": link}
    answer = visitor.get("/", query_string=query, headers={"Accept-Language": browser})
    assert spoken(answer) == expected
    assert ('<html lang="sw"' in answer.text) == (expected == "sw")


def test_a_chosen_language_is_kept_for_a_year(client, plan):
    cookie = client.get("/?lang=sw").headers["Set-Cookie"]
    assert cookie.startswith("lang=sw;")
    assert {"Max-Age=31536000", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert spoken(client.get("/")) == "sw"
    assert spoken(client.get("/?lang=en")) == "en"
    assert spoken(client.get("/")) == "en"


def test_behind_https_the_choice_is_secure(app, plan, postgres_url, redis_url):
    given = environment(postgres_url, redis_url, PUBLIC_BASE_URL="https://pay.example.co.ke")
    other = create_app(config.read(given))
    answer = other.test_client().get("/?lang=sw", base_url="https://pay.example.co.ke")
    assert "; Secure;" in answer.headers["Set-Cookie"]
    with other.app_context():
        let_go()


@pytest.mark.parametrize("path", ["/", "/?lang=fr", "/admin/login?lang=sw", "/healthz?lang=sw"])
def test_without_a_choice_nothing_is_kept(client, plan, path):
    cookies = client.get(path, headers=SWAHILI).headers.getlist("Set-Cookie")
    assert not [cookie for cookie in cookies if cookie.startswith("lang=")]


def test_caches_are_told_what_the_page_depends_on(client, plan):
    for path in ("/", "/subscribe/standard", "/nowhere"):
        answer = client.get(path)
        assert {"Accept-Language", "Cookie"} <= set(answer.headers["Vary"].split(", "))
    style = forms.page(client.get("/")).find("link", rel="stylesheet")["href"]
    with client.get(f"{style}?lang=sw") as answer:
        assert answer.status_code == 200
        assert "Content-Language" not in answer.headers
        assert "Set-Cookie" not in answer.headers


def test_a_checkout_writes_down_the_subscribers_language(app, plan):
    forms.order(swahili(app))
    assert db.session.query(Subscriber).one().language == "sw"


def test_the_last_checkout_counts(app, client, plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    _, hook = started(swahili(app))
    settle(hook, factories.failure())
    forms.order(client)
    assert db.session.query(Subscriber).one().language == "en"


def test_a_payment_link_is_in_the_subscribers_language_wherever_it_is_opened(app, plan):
    payment, hook = started(swahili(app))
    stranger = app.test_client()
    page = stranger.get(f"/pay/{payment.token}", headers={"Accept-Language": "en"})
    assert spoken(page) == "sw"
    assert "Angalia simu yako" in page.text
    assert spoken(stranger.get("/")) == "en"
    assert spoken(stranger.get(f"/pay/{payment.token}?lang=en")) == "en"
    assert spoken(stranger.get(f"/pay/{payment.token}")) == "en"
    settle(hook, factories.success())
    receipt = app.test_client().get(f"/pay/{payment.token}/receipt")
    assert spoken(receipt) == "sw"


def test_what_a_stranger_types_does_not_tell_the_language_of_a_known_number(app, plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    _, hook = started(swahili(app))
    settle(hook, factories.failure())
    stranger = app.test_client()
    assert spoken(stranger.get(forms.order(stranger).location)) == "en"


def test_a_poll_without_a_cookie_speaks_the_language_of_its_page(app, plan):
    payment, hook = started(swahili(app))
    stranger = app.test_client()
    poll = forms.section(stranger.get(f"/pay/{payment.token}"))["hx-get"]
    assert poll.endswith("&lang=sw")
    answer = stranger.get(poll)
    assert answer.status_code == 204
    assert "Set-Cookie" not in answer.headers
    assert "Content-Language" not in answer.headers
    settle(hook, factories.failure())
    answer = stranger.get(poll)
    assert "Umeghairi malipo" in answer.text
    assert "lang=" not in "".join(answer.headers.getlist("Set-Cookie"))


def test_a_poll_with_a_cookie_carries_nothing_more(app, plan):
    browser = swahili(app)
    payment, _ = started(browser)
    poll = forms.section(browser.get(f"/pay/{payment.token}"))["hx-get"]
    assert "lang" not in poll
    assert browser.get(poll).status_code == 204


def test_a_poll_reads_the_database_once(client, plan):
    payment, _ = started(client)
    poll = forms.section(client.get(f"/pay/{payment.token}"))["hx-get"]
    plain = poll.split("?")[0]
    asked = []

    def note(connection, *_rest):
        asked.append(connection)

    for engine in db.engines.values():  # each statement takes a connection from its pool
        event.listen(engine, "checkout", note)
    client.get(poll)
    client.get(plain, headers={"Accept": "application/json"})
    for engine in db.engines.values():
        event.remove(engine, "checkout", note)
    assert len(asked) == 2


def test_refusals_are_said_in_the_customers_language(app, plan):
    browser = swahili(app)
    payment, hook = started(browser)
    settle(hook, factories.success())
    refused = forms.press(browser, f"/pay/{payment.token}/retry")
    assert "Malipo haya yamekamilika tayari." in refused.text
    with later(seconds=10):
        wrong = forms.press(browser, f"/pay/{payment.token}/number", phone="0202")
    assert "Weka nambari ya Safaricom" in wrong.text


def test_a_retry_stays_in_the_language(app, plan):
    browser = swahili(app)
    payment, hook = started(browser)
    settle(hook, factories.failure())
    with later(seconds=121):
        answer = forms.press(browser, f"/pay/{payment.token}/retry")
        assert "Tunatuma ombi lako" in browser.get(answer.location).text
    assert db.session.query(Payment).count() == 2


def test_staff_read_english(client, plan):
    client.set_cookie("lang", "sw")
    for path in ("/admin/login", "/admin/login?lang=sw", "/admin/nowhere"):
        answer = client.get(path, headers=SWAHILI)
        assert spoken(answer) == "en"
        assert not forms.page(answer).find("a", class_="lang")


@pytest.mark.parametrize("path", ["/", "/pay/unknown", "/subscribe/standard"])
def test_without_a_database_the_page_still_has_a_language(app, postgres_url, redis_url, path):
    given = environment(
        postgres_url, redis_url, DATABASE_URL="postgresql://malipo@/x?host=/nowhere"
    )
    answer = create_app(config.read(given)).test_client().get(path, headers=SWAHILI)
    assert answer.status_code == 503
    assert spoken(answer) == "sw"
    assert "Tutarejea baada ya muda mfupi" in answer.text


def test_errors_are_in_the_customers_language(app, plan):
    browser = swahili(app)
    assert "Ukurasa huu haupo" in browser.get("/nowhere").text
    sent = forms.fields(browser.get("/subscribe/standard")) | {"phone": "0712345678"}
    browser.delete_cookie("malipo")
    stale = browser.post("/subscribe/standard", data=sent)
    assert "Ukurasa ulikuwa wazi kwa muda mrefu mno" in stale.text
    assert browser.post("/subscribe/standard", data={"phone": "0" * 70_000}).status_code == 413


def test_dates_and_amounts_are_kenyan_in_both(app, client, plan):
    payment, hook = started(client)
    settle(hook, factories.success())
    english = client.get(f"/pay/{payment.token}/receipt?lang=en").text
    kiswahili = client.get(f"/pay/{payment.token}/receipt?lang=sw").text
    for text in (english, kiswahili):
        assert "KSh\u00a0500" in text
        assert re.search(r"\d{1,2} [A-Z][a-z]{2} 20\d\d, \d\d:\d\d", text)
    assert "kila mwezi" in kiswahili
