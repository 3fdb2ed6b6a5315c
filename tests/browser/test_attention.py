"""Whoever does not see the page hears it, and whoever looks elsewhere is called back, once."""

import pytest
from playwright.sync_api import expect

from app.daraja import Reason
from tests import factories
from tests.browser import payments

SECONDS = 1000
POLL = "**/status?*"
# What the live region has said, and how the phone has shaken.
LISTEN = """(() => {
  window.said = []; window.shaken = [];
  navigator.vibrate = pattern => window.shaken.push([].concat(pattern));
  document.addEventListener('DOMContentLoaded', () => {
    const live = document.getElementById('live');
    live && new MutationObserver(() => live.textContent && window.said.push(live.textContent))
      .observe(live, {childList: true, characterData: true, subtree: true});
  });
})()"""
FOCUSED = "document.activeElement.id || document.activeElement.localName"


@pytest.fixture
def visit(visit):
    visit.context.add_init_script(LISTEN)
    return visit


def waiting(visit, plan, age=15):
    payment, hook = factories.pending(plan)
    payment = payments.aged(payment, age)
    visit.open(payment)
    return lambda body: payments.settled(payment, hook, body)


def next_poll(visit):
    with visit.page.expect_response(POLL):
        pass


def said(visit, text):
    visit.page.wait_for_function("text => window.said.includes(text)", arg=text)
    return visit.page.evaluate("window.said")


def focused(visit):
    return visit.page.evaluate(FOCUSED)


def test_the_end_is_said_and_has_the_focus(visit, plan):
    tell = waiting(visit, plan)
    tell(factories.success(amount=1499))
    visit.phase("paid")
    heard = said(visit, "Payment received. M-PESA receipt number T K L 4 H 7 Q 2 M X.")
    assert len(heard) == 1
    assert focused(visit) == "title"
    assert visit.page.title().startswith("✓ Payment received ")


def test_a_failure_is_said_and_has_the_focus(visit, plan):
    tell = waiting(visit, plan)
    tell(factories.failure())
    visit.phase("failed")
    heard = said(
        visit,
        "You cancelled the payment. The M-PESA message was closed before a PIN was entered. "
        "You can start again when you are ready.",
    )
    assert len(heard) == 1
    assert focused(visit) == "title"
    assert visit.page.title().startswith("You cancelled the payment ")


def test_what_is_said_stands_outside_of_what_is_swapped(visit, plan):
    waiting(visit, plan)
    inside = "[...document.querySelectorAll('#payment [aria-live], #payment [role=status]')].length"
    assert visit.page.evaluate(inside) == 0
    live = visit.page.locator("#live")
    assert live.get_attribute("role") == "status"
    assert live.get_attribute("aria-live") == "polite"


def test_a_wait_is_said_and_leaves_the_focus_alone(visit, plan):
    waiting(visit, plan, age=4)
    visit.phase("waiting_pin")
    said(visit, "Enter your M-PESA PIN on your phone. You have about one minute.")
    assert focused(visit) == "body"


def test_a_first_look_says_nothing(visit, plan):
    waiting(visit, plan)
    next_poll(visit)
    assert visit.page.evaluate("window.said") == []


def test_the_last_thirty_and_ten_seconds_are_said_and_no_others(visit, plan):
    visit.page.clock.install()
    visit.context.route(POLL, lambda route: route.fulfill(status=204))
    waiting(visit, plan, age=25)
    visit.page.clock.run_for(40 * SECONDS)
    assert visit.page.evaluate("window.said") == ["0:30 left", "0:10 left"]
    expect(visit.page.locator("#time")).to_have_text("0:00")
    expect(visit.page.locator(".ring")).to_have_class("ring low")


def test_a_phone_that_slept_hears_where_the_countdown_is(visit, plan):
    visit.page.clock.install()
    visit.context.route(POLL, lambda route: route.fulfill(status=204))
    waiting(visit, plan, age=25)
    visit.page.clock.fast_forward(8 * SECONDS)  # its timers fire once, late
    visit.page.clock.run_for(1 * SECONDS)
    [heard] = visit.page.evaluate("window.said")
    assert heard.endswith(" left")


def test_the_countdown_is_a_timer_whose_digits_are_not_read_each_second(visit, plan):
    waiting(visit, plan)
    ring = visit.page.locator("[role=timer]")
    assert ring.get_attribute("aria-label") == "Time left"
    assert visit.page.locator("[role=timer] > p").get_attribute("aria-hidden") == "true"


def test_no_time_left_asks_at_once(visit, plan):
    waiting(visit, plan, age=58)
    with visit.page.expect_request(POLL, timeout=4 * SECONDS):
        visit.asked.clear()
    visit.phase("processing", 5)


@pytest.mark.parametrize("name", ["paid", "receipt"])
def test_the_receipt_number_is_copied_and_that_is_said(visit, plan, name):
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.open(payments.paid(plan))
    if name == "receipt":
        page.locator('a[href$="/receipt"]').tap()
    page.get_by_role("button", name="Copy receipt number").tap()
    assert said(visit, "Copied") == ["Copied"]
    assert page.evaluate("navigator.clipboard.readText()") == "TKL4H7Q2MX"


def test_the_receipt_number_is_copied_where_there_is_no_clipboard(visit, plan):
    """Old browsers, and pages without https."""
    visit.context.add_init_script("delete Navigator.prototype.clipboard")
    page = visit.open(payments.paid(plan))
    page.get_by_role("button", name="Copy receipt number").tap()
    assert said(visit, "Copied") == ["Copied"]
    assert page.evaluate("getSelection().toString()") == "TKL4H7Q2MX"


def test_silence_is_remembered(visit, plan):
    tell = waiting(visit, plan)
    page, button = visit.page, visit.page.locator("#sound")
    expect(button).to_have_text("Sound is on")
    button.tap()
    expect(button).to_have_text("Sound is off")
    page.reload()
    expect(button).to_have_text("Sound is off")
    page.locator("#title").tap()
    tell(factories.success(amount=1499))
    visit.phase("paid")
    assert page.evaluate("window.shaken") == []


@pytest.mark.parametrize(
    ("body", "shaken"),
    [(factories.success(amount=1499), [60, 60, 140]), (factories.failure(), [220])],
    ids=["paid", "failed"],
)
def test_the_phone_shakes_once_at_the_end(visit, plan, body, shaken):
    tell = waiting(visit, plan)
    visit.page.locator("#title").tap()
    tell(body)
    visit.page.locator("#payment:not([data-tone=wait])").wait_for()
    assert visit.page.evaluate("window.shaken") == [shaken]


@pytest.mark.parametrize("name", ["waiting_pin", "sending"])
def test_nothing_moves_for_whoever_wants_no_motion(visit, plan, name):
    visit.page.emulate_media(reduced_motion="reduce")
    page = visit.open(payments.WAITING[name](plan))
    moving = """[...document.querySelectorAll('*')].filter(e => {
      const s = getComputedStyle(e);
      return s.animationName !== 'none' || (s.transitionDuration !== '0s' && s.transitionProperty !== 'none');
    }).map(e => e.className.baseVal || e.className)"""
    assert page.evaluate(moving) == []


def test_a_half_typed_number_and_an_open_help_survive_the_polls(visit, plan):
    waiting(visit, plan, age=57)
    page = visit.page
    page.locator("details.help summary").tap()
    page.locator("#number").press_sequentially("0722 0")
    for _ in range(3):  # the phase changes meanwhile
        next_poll(visit)
    expect(page.locator("#number")).to_have_value("0722 0")
    expect(page.locator("details.help")).to_have_attribute("open", "")
    assert focused(visit) == "number"


def test_a_keyboard_is_enough(visit, plan):
    page = visit.page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator("a.plan").focus()
    page.keyboard.press("Enter")
    page.locator("#phone").focus()
    page.keyboard.type("0712 345 678")
    page.keyboard.press("Enter")
    visit.phase("sending")


def test_the_skip_link_leads_to_the_content(visit, plan):
    page = visit.page
    page.goto("/subscribe/standard")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    expect(page.locator("#phone")).to_be_focused()


def test_letters_of_twice_the_size_still_fit(visit, plan):
    """Android's text size; WCAG 1.4.4."""
    page = visit.open(payments.failed(plan, Reason.CANCELLED))
    for address in (page.url, "/", "/subscribe/standard", "/help/mpesa"):
        page.goto(address)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
