"""A customer pays in a running installation: browser, worker, scheduler, and a pretend M-PESA with a phone."""

from itertools import count

import pytest
from playwright.sync_api import expect

SECONDS = 1000
number = count(1)
WORDS = {
    "en": {"paid": "Payment received", "cancelled": "You cancelled the payment"},
    "sw": {"paid": "Malipo yamepokelewa", "cancelled": "Umeghairi malipo"},
}
OUTCOMES = {  # the pretend M-PESA's script: what the customer is told
    "insufficient_funds": {"outcome": "1"},
    "unreachable": {"outcome": "1037"},
    "in_progress": {"outcome": "1001"},
    "unknown": {"outcome": "8899"},
    "busy": {"push": "busy"},
}


class Handset:
    """A phone with a SIM: what its owner does with the M-PESA message."""

    def __init__(self, malipo, page):
        self.malipo, self.page = malipo, page
        self.number = f"0722{next(number):06}"

    def enter(self, pin="1234"):
        self._open()
        self.page.locator("#pin").fill(pin)
        self.page.locator("#pin-ok").click()

    def cancel(self):
        self._open()
        self.page.locator("#pin-cancel").click()

    def _open(self):
        self.page.goto(f"{self.malipo.phone}/?phone={self.number}")
        self.page.locator("#prompt #pin").wait_for()

    def will_have(self, **script):
        self.malipo.safaricom("script", phone=self.number, **script)


@pytest.fixture
def handset(malipo, visitor):
    return Handset(malipo, visitor.new_page())


@pytest.fixture
def other_handset(malipo, visitor):
    return Handset(malipo, visitor.new_page())


def begin(page, phone, language="en"):
    page.goto(f"/?lang={language}")
    page.locator('a[href*="/subscribe/standard"]').click()
    page.locator("#phone").fill(phone)
    page.locator("#payment button[type=submit]").tap()


def phase(page, name, seconds=15):
    section = page.locator(f'#payment[data-phase="{name}"]')
    section.wait_for(timeout=seconds * SECONDS)
    return section


def paid(malipo, page):
    """What the page says is in the books."""
    receipt = phase(page, "paid").get_attribute("data-receipt")
    [payment] = malipo.exported("payments", token=token(page))
    assert (payment["status"], payment["receipt"]) == ("paid", receipt)
    return payment


def token(page):
    return page.url.rsplit("/", 1)[1].partition("?")[0]


@pytest.mark.parametrize("language", WORDS)
def test_a_customer_pays(malipo, visitor, handset, language):
    page = visitor.new_page()
    begin(page, handset.number, language)
    phase(page, "waiting_prompt")
    handset.enter()
    paid(malipo, page)
    expect(page.locator("#title")).to_have_text(WORDS[language]["paid"])
    assert page.title().startswith(f"✓ {WORDS[language]['paid']}")
    assert page.evaluate("document.documentElement.lang") == language


@pytest.mark.parametrize("language", WORDS)
def test_a_customer_cancels_tries_again_and_pays(malipo, visitor, handset, language):
    page = visitor.new_page()
    begin(page, handset.number, language)
    phase(page, "waiting_prompt")
    handset.cancel()
    failed = phase(page, "failed")
    first = page.url
    expect(page.locator("#title")).to_have_text(WORDS[language]["cancelled"])
    failed.locator('form[action$="/retry"] button').tap()
    phase(page, "waiting_prompt")
    assert page.url != first
    handset.enter()
    paid(malipo, page)
    expect(page.locator("#title")).to_have_text(WORDS[language]["paid"])


@pytest.fixture
def without_scripts(browser, malipo):
    context = browser.new_context(base_url=malipo.shop, java_script_enabled=False)
    yield context.new_page()
    context.close()


def begin_without_scripts(page, phone):
    page.goto("/subscribe/standard")
    page.locator("#phone").fill(phone)
    page.locator("#payment button[type=submit]").click()
    page.wait_for_url("**/pay/*")


def test_a_customer_pays_without_javascript(malipo, without_scripts, handset):
    begin_without_scripts(without_scripts, handset.number)
    handset.enter()
    paid(malipo, without_scripts)  # it reloads by itself


def test_a_customer_tries_again_without_javascript(malipo, without_scripts, handset):
    begin_without_scripts(without_scripts, handset.number)
    handset.cancel()
    phase(without_scripts, "failed").locator('form[action$="/retry"] button').click()
    handset.enter()
    paid(malipo, without_scripts)


def test_a_customer_pays_where_htmx_does_not_load(malipo, visitor, handset):
    """An old WebView: pay.js reloads the page instead."""
    visitor.route("**/*htmx*", lambda route: route.abort())
    page = visitor.new_page()
    begin(page, handset.number)
    phase(page, "waiting_prompt")
    assert page.evaluate("typeof window.htmx") == "undefined"
    handset.enter()
    paid(malipo, page)


def test_a_customer_pays_from_another_phone(malipo, visitor, handset, other_handset):
    page = visitor.new_page()
    begin(page, handset.number)
    phase(page, "waiting_pin")
    page.locator("details.help summary").tap()
    page.locator("#number").fill(other_handset.number)
    page.locator("form.number button").tap()
    phase(page, "waiting_prompt")
    other_handset.enter()
    paid(malipo, page)
    expect(page.locator("#payment")).to_contain_text(other_handset.number[-3:])


def test_a_wrong_pin_is_not_charged_and_the_right_one_pays(malipo, visitor, handset):
    page = visitor.new_page()
    begin(page, handset.number)
    phase(page, "waiting_prompt")
    handset.enter("0000")
    failed = phase(page, "failed")
    assert failed.get_attribute("data-reason") == "wrong_pin"
    expect(failed.locator(".money")).to_have_text("You have not been charged")
    failed.locator('form[action$="/retry"] button').tap()
    phase(page, "waiting_prompt")
    handset.enter()
    paid(malipo, page)


@pytest.mark.parametrize("reason", OUTCOMES)
def test_a_customer_is_told_why_no_money_came(visitor, handset, reason):
    handset.will_have(**OUTCOMES[reason])
    page = visitor.new_page()
    begin(page, handset.number)
    assert phase(page, "failed").get_attribute("data-reason") == reason


def test_a_customer_who_says_the_pin_is_in_sees_the_end_although_no_message_comes(
    malipo, visitor, handset
):
    handset.will_have(callback="never")
    page = visitor.new_page()
    begin(page, handset.number)
    phase(page, "waiting_pin")
    handset.enter()
    page.locator('form[action$="/entered"] button').tap()
    phase(page, "processing")
    phase(page, "paid_no_receipt")
    expect(page.locator("#payment")).to_contain_text("It is in your M-PESA SMS")


def test_a_receipt_can_be_kept(malipo, visitor, handset):
    page = visitor.new_page()
    begin(page, handset.number)
    phase(page, "waiting_prompt")
    handset.enter()
    code = paid(malipo, page)["receipt"]
    page.locator('a[href$="/receipt"]').tap()
    expect(page.locator("#code")).to_have_text(code)
    with page.expect_download() as download:
        page.locator('a[href*="receipt.pdf"]').tap()
    assert code in download.value.suggested_filename
    assert download.value.path().read_bytes().startswith(b"%PDF")
