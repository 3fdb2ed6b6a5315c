"""Every page, as a browser, a screen reader and our Content-Security-Policy meet it."""

import gzip
import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import html5lib
import pytest
from bs4 import BeautifulSoup
from flask import g

from app.daraja import Reason
from app.web import receipts
from app.web.linking import render
from tests.web.known import (
    MERCHANT,
    PLAN,
    after,
    application,
    failed,
    paid,
    pending,
    phase,
    said,
)

PAYMENTS = {
    "sending": (pending(status="sending", accepted_at=None), 2),
    "waiting_prompt": (pending(), 2),
    "waiting_pin": (pending(), 20),
    "last seconds": (pending(), 52),
    "claimed": (pending(claimed_at=after(10)), 20),
    "processing": (pending(), 80),
    "unconfirmed": (pending(status="unconfirmed", retry_at=after(300)), 140),
    "unconfirmed, ready": (pending(status="unconfirmed"), 310),
    "paid": (paid(), 20),
    "paid_no_receipt": (paid(receipt=None, received=None), 20),
    "short": (paid(received=300, paid_through=None, invoice_open=True), 20),
    "twice": (paid(paid_through=None, slug="duka", support="help@duka.test"), 20),
    "too much": (paid(received=2000), 20),
    "cooling": (failed("limit", retry_at=after(60)), 20),
    "paid already": (failed("cancelled", closed="paid"), 20),
    "unconfirmed, paid already": (pending(status="unconfirmed", closed="paid"), 140),
    "cancelled by us": (failed("cancelled", closed="void", return_url="https://x.test"), 20),
    "old link": (failed("cancelled", closed="old", ref="INV 77"), 20),
    "no support": (failed("merchant_problem", support=None), 20),
    "support in words": (failed("merchant_problem", support="at the gate"), 20),
} | {str(reason): (failed(reason, code="1032"), 20) for reason in Reason}
PRIVACY = {"version": 1, "written_on": datetime(2026, 11, 26, tzinfo=UTC), "operator": None}
OTHERS = {
    "plans": ("plans/index.html", {"merchant": MERCHANT, "plans": [PLAN]}),
    "no plans": ("plans/index.html", {"merchant": MERCHANT, "plans": []}),
    "form": ("checkout/subscribe.html", {"phone": ""}),
    "form, wrong": ("checkout/subscribe.html", {"phone": "071", "error": "Enter a number"}),
    "form, wait": ("checkout/subscribe.html", {"phone": "071", "error": "Wait", "wait": 60}),
    "form, pause": ("checkout/subscribe.html", {"phone": "071", "error": "Wait", "wait": 180}),
    "receipt": ("checkout/receipt.html", {"facts": paid()}),
    "receipt, no code": ("checkout/receipt.html", {"facts": paid(receipt=None, paid_at=None)}),
    "receipt, twice": ("checkout/receipt.html", {"facts": paid(paid_through=None, received=None)}),
    "help": ("help/mpesa.html", {}),
    "privacy": ("help/privacy.html", PRIVACY),
    "privacy, another seller": ("help/privacy.html", PRIVACY | {"operator": "Malipo"}),
    "help, no merchant": ("help/mpesa.html", {"merchant": None}),
}
FORM = {
    "merchant": MERCHANT,
    "plan": PLAN,
    "attempt": "an-attempt",
    "terms": 1,
    "error": None,
    "wait": None,
    "ref": "",
    "back": "",
}


def payment(name, template="checkout/payment.html", **more):
    facts, seconds = PAYMENTS[name]
    known = {"facts": facts, "phase": phase(facts, seconds), "words": said(facts, seconds)}
    return render(template, **known, **more)


def other(name, **more):
    template, context = OTHERS[name]
    links = {"subscribe_url": lambda plan: f"/subscribe/{plan.code}"}
    rows = receipts.rows(context["facts"]) if "facts" in context else []  # type: ignore[index]
    return render(template, **(FORM | links | {"rows": rows} | context | more))


def soup(html):
    return BeautifulSoup(html, "html5lib")


@pytest.fixture(autouse=True)
def visit():
    with application().test_request_context("/subscribe/standard"):
        yield


@pytest.fixture(params=[*PAYMENTS, *OTHERS])
def html(request):
    return payment(request.param) if request.param in PAYMENTS else other(request.param)


def test_a_page_is_valid(html):
    html5lib.HTMLParser(strict=True).parse(html)


def test_a_page_has_one_heading_a_title_and_a_language(html):
    page = soup(html)
    assert len(page.find_all("h1")) == 1
    assert page.title.text.strip()
    assert page.html["lang"] == "en"


def test_every_field_has_a_label(html):
    page = soup(html)
    for field in page.find_all("input"):
        assert field["type"] == "hidden" or page.find("label", attrs={"for": field["id"]})


def test_ids_are_unique_and_every_reference_leads_somewhere(html):
    page = soup(html)
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for element in page.find_all(attrs={"aria-describedby": True}):
        assert set(element["aria-describedby"].split()) <= set(ids)


def test_every_form_carries_the_csrf_token(html):
    for form in soup(html).find_all("form"):
        assert form["method"] == "post"
        assert form["action"].startswith("/")
        assert form.find("input", attrs={"name": "csrf_token"})["value"]


def test_nothing_is_inline_but_known_styles_and_nothing_needs_eval(html):
    page = soup(html)
    for style in page.find_all("style"):
        digest = b64encode(sha256(style.string.encode()).digest()).decode()
        assert digest in g.styles  # which the policy names: test_assets.py
    assert all(script["src"].startswith("/static/") for script in page.find_all("script"))
    for element in page.find_all():
        assert not {name for name in element.attrs if name.startswith(("on", "hx-on", "hx-vals"))}
        assert "style" not in element.attrs
        assert "javascript:" not in str(element.get("href"))


def test_every_page_fits_its_budget(html):
    """The stylesheet has a budget of its own, wherever it is: see test_assets.py."""
    page = re.sub("<style>[^<]*</style>", "", html)
    assert len(gzip.compress(page.encode())) <= 3 * 1024


@pytest.mark.parametrize("name", PAYMENTS)
def test_the_fragment_is_the_same_section_alone_and_small(name):
    html = payment(name, "checkout/_payment.html")
    html5lib.HTMLParser(strict=True).parseFragment(html)
    assert html.startswith("<section")
    assert len(gzip.compress(html.encode())) <= 1.2 * 1024


@pytest.mark.parametrize("name", PAYMENTS)
def test_the_section_says_what_it_shows_and_asks_only_while_it_may_change(name):
    facts, seconds = PAYMENTS[name]
    known = phase(facts, seconds)
    section = soup(payment(name)).find(id="payment")
    assert section["data-phase"] == known.name
    assert section["data-status"] == facts.status
    assert section["data-reason"] == (facts.reason or "")
    assert section["data-receipt"] == (facts.receipt or "")
    assert section.get("hx-trigger") == (known.poll and f"every {known.poll}s, poll")
    assert ("hx-get" in section.attrs) == (known.poll is not None)
    assert (known.name == "waiting_pin") == ("data-left" in section.attrs)


def refresh(html):
    return re.search(r'http-equiv="refresh" content="(\d+)"', html)


def test_without_javascript_only_a_live_page_reloads_and_not_too_often():
    assert refresh(payment("waiting_pin"))[1] == "6"
    assert refresh(payment("unconfirmed"))[1] == "20"
    assert not refresh(payment("paid"))
    assert not refresh(payment("cancelled"))


def test_without_javascript_a_number_can_be_typed_in_peace():
    assert "?number=1" in payment("waiting_pin")
    with application().test_request_context("/pay/a-token?number=1"):
        html = payment("waiting_pin")
    assert not refresh(html)
    assert "open" in soup(html).find("details").attrs


def test_opera_mini_reloads_with_its_scripts_on():
    browser = {"User-Agent": "Opera/9.80 (Android; Opera Mini/36.2)"}
    with application().test_request_context("/pay/a-token", headers=browser):
        html = payment("waiting_pin")
    assert refresh(html)
    assert "<noscript>\n        <meta" not in html


def test_a_button_that_must_wait_says_so_and_stays_reachable():
    button = soup(payment("cooling")).find(attrs={"data-wait": True})
    assert button["data-wait"] == "40"
    assert button["aria-disabled"] == "true"
    assert "disabled" not in button.attrs
    assert button["data-ready"] == "Try again"
    assert button.text.strip() == "Try again in 0:40"


@pytest.mark.parametrize("name", ["insufficient_funds", "waiting_pin"])
def test_a_refused_number_is_explained_where_it_was_typed(name):
    page = soup(payment(name, number_error="Not a number", number_typed="07"))
    field = page.find(id="number")
    assert field["value"] == "07"
    assert field["aria-invalid"] == "true"
    assert page.find(id=field["aria-describedby"]).text == "Not a number"
    assert "open" in field.find_parent("details").attrs


@pytest.mark.parametrize("typed", [None, "07"])
def test_any_other_refusal_is_said_above_the_buttons(typed):
    html = payment("paid", number_error="This payment is paid already.", number_typed=typed)
    assert soup(html).find(role="alert").text == "This payment is paid already."


def test_what_was_typed_into_the_form_is_kept_and_harmless():
    page = soup(other("form", phone='"><script>', error="No"))
    assert page.find(id="phone")["value"] == '"><script>'
    assert page.title.text.strip().startswith("Error:")
    assert page.find(role="alert").find("a")["href"] == "#phone"


def test_the_summary_is_the_same_beside_the_form_and_the_payment():
    def summary(html):
        return soup(html).find(class_="summary")

    assert summary(other("form")) == summary(payment("waiting_pin"))


def test_the_receipt_code_is_spelled_for_screen_readers():
    code = soup(payment("paid")).find(id="code")
    assert code.text == "TKL4H7Q2MX"
    assert code["aria-hidden"] == "true"
    assert code.find_next_sibling("span").text == "T K L 4 H 7 Q 2 M X"


def test_an_error_page_needs_neither_session_nor_scripts():
    html = render(
        "shared/error.html", title="Gone <b>", text="Sorry", reference="3F9A", home_url="/"
    )
    html5lib.HTMLParser(strict=True).parse(html)
    assert "csrf" not in html.lower()
    assert "<script" not in html
    assert "Gone &lt;b&gt;" in html
    assert "3F9A" in html
    assert "Reference" not in render(
        "shared/error.html", title="Gone", text="Sorry", reference=None, home_url="/"
    )
