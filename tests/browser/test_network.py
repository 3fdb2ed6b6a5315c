"""A page on a bad network, behind a bad clock, in a pocket: it never loses the payment."""

import pytest
from playwright.sync_api import expect

from app.daraja import Reason
from tests import factories
from tests.browser import payments

SECONDS = 1000
POLL = "**/status?*"
HOUR = 3600
SHIFTED = "(() => {{ const real = Date.now; Date.now = () => real() + {seconds} * 1000; }})()"
NOTE_STRIPS = """() => {
  const strip = document.getElementById('network');
  window.strips = [];
  new MutationObserver(() => strip.hidden || window.strips.push(strip.innerText)).observe(strip, {attributes: true});
}"""
POCKET = """hidden => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
}"""
IN_POCKET, IN_HAND = True, False


@pytest.fixture
def forgiven():
    """htmx says aloud what we do to it."""
    return ("Response Status Error Code 503", "htmx:sendError")


@pytest.fixture
def strip(visit):
    return visit.page.locator("#network")


def gone(route):
    route.fulfill(status=503, body="<h1>Away</h1>", content_type="text/html")


def has_left(page, seconds):
    """The countdown, as the customer reads it."""
    expect(page.locator("#time")).to_have_text(f"0:{seconds:02}", timeout=10 * SECONDS)


def left(page):
    return int(page.locator("#time").inner_text().partition(":")[2])


def next_poll(page):
    with page.expect_request(POLL):
        pass


def waiting(visit, plan, age):
    """A live payment, on its page: and what Safaricom needs for telling us the end."""
    payment, hook = factories.pending(plan)
    payment = payments.aged(payment, age)
    return visit.open(payment), lambda body: payments.settled(payment, hook, body)


def test_a_server_that_is_away_for_seconds_is_only_a_strip(visit, plan, strip):
    page, tell = waiting(visit, plan, 8)
    visit.context.route(POLL, gone)
    strip.wait_for(timeout=8 * SECONDS)
    assert len(visit.polls()) == 2, "one lost poll is nobody's business"
    expect(strip).to_have_text(
        "The network is slow. We are still trying; your payment is not affected."
    )
    tell(factories.success(amount=1499))
    for _ in range(3):  # three more: seven seconds in all
        next_poll(page)
    expect(page.locator("#title")).to_have_text("Enter your M-PESA PIN")
    visit.context.unroute(POLL)
    visit.phase("paid")
    expect(strip).to_be_hidden()


def test_a_poll_that_a_tap_overtakes_is_not_called_a_bad_network(visit, plan, strip):
    page, _ = waiting(visit, plan, 8)
    page.evaluate(NOTE_STRIPS)
    visit.context.route(POLL, lambda _: None)  # never answered
    next_poll(page)
    page.locator('form[action$="/entered"] button').tap()
    visit.phase("processing")
    assert page.evaluate("window.strips") == []


def test_the_strip_goes_away_although_there_is_no_news(visit, plan, strip):
    waiting(visit, plan, 8)
    visit.context.route(POLL, gone)
    strip.wait_for(timeout=8 * SECONDS)
    visit.context.unroute(POLL)
    expect(strip).to_be_hidden()
    visit.phase("waiting_pin")


def test_a_phone_that_is_offline_counts_on(visit, plan, strip):
    page, _ = waiting(visit, plan, 35)
    start = left(page)
    visit.context.set_offline(True)
    expect(strip).to_contain_text("You are offline. If you have entered your PIN")
    has_left(page, start - 5)


# So late a page asks every ten seconds: what comes sooner has a reason of its own.
LATE, SOON = 130, 5
JUST_NOW = 1 * SECONDS  # a page that has asked just now does not ask again


def away(page, tell):
    """The end comes while nobody looks."""
    tell(factories.success(amount=1499))
    page.wait_for_timeout(JUST_NOW)


def test_a_phone_that_was_offline_asks_at_once(visit, plan, strip):
    page, tell = waiting(visit, plan, LATE)
    visit.context.set_offline(True)
    expect(strip).to_contain_text("You are offline.")
    away(page, tell)
    with page.expect_response(POLL, timeout=SOON * SECONDS):
        visit.context.set_offline(False)
    visit.phase("paid", SOON)
    expect(strip).to_be_hidden()


@pytest.fixture(params=[0, HOUR, -HOUR], ids=["right clock", "an hour fast", "an hour slow"])
def clock(request, visit):
    visit.context.add_init_script(SHIFTED.format(seconds=request.param))


KEEPS = payments.WAITING | {
    "paid": payments.paid,
    "failed": lambda plan: payments.failed(plan, Reason.CANCELLED),
}


@pytest.mark.parametrize("name", KEEPS)
def test_a_reload_keeps_the_phase(visit, plan, name):
    page = visit.open(KEEPS[name](plan))
    before = page.locator("#payment").get_attribute("data-phase")
    page.reload()
    assert page.locator("#payment").get_attribute("data-phase") == before
    assert before in name or name.startswith(before)


def test_a_reload_goes_on_counting_whatever_the_phones_clock_says(visit, plan, clock):
    page = visit.open(payments.prompted(plan, 12))
    before = left(page)
    has_left(page, before - 2)
    page.reload()
    server = seconds_left(page)
    assert abs(left(page) - server) <= 2
    has_left(page, server - 3)


def seconds_left(page):
    headers = {"Accept": "application/json"}
    return page.request.get(f"{page.url}/status", headers=headers).json()["seconds_left"]


def test_a_phone_whose_clock_jumps_while_it_counts_asks_the_server(visit, plan):
    """The network corrects it: the countdown may jump once, the truth comes with the next page."""
    page = visit.open(payments.prompted(plan, 12))
    before = left(page)
    page.evaluate(SHIFTED.format(seconds=HOUR))
    visit.phase("waiting_pin")
    page.reload()
    assert before - 5 <= left(page) <= before


def test_whoever_comes_back_from_the_m_pesa_message_is_told_at_once(visit, plan):
    page, tell = waiting(visit, plan, LATE)
    page.evaluate(POCKET, IN_POCKET)
    away(page, tell)
    with page.expect_request(POLL, timeout=SOON * SECONDS):
        page.evaluate(POCKET, IN_HAND)
    visit.phase("paid", SOON)


def test_a_page_in_the_background_asks_one_time_in_three(visit, plan):
    visit.context.route(POLL, lambda route: route.fulfill(status=204))
    page = timeless(visit, payments.prompted(plan, 62))
    page.evaluate(POCKET, IN_POCKET)
    assert len(polls_in(visit, 12)) in range(3, 6)


def test_a_page_in_view_asks_each_time(visit, plan):
    visit.context.route(POLL, lambda route: route.fulfill(status=204))
    timeless(visit, payments.prompted(plan, 62))
    assert len(polls_in(visit, 12)) in range(10, 13)


def timeless(visit, payment):
    """Its page, whose time goes on only when we say so."""
    visit.page.clock.install()
    visit.open(payment)
    soon = visit.page.evaluate("Date.now()") / SECONDS + 1
    visit.page.clock.pause_at(soon)
    return visit.page


def polls_in(visit, turns):
    """While so many polls of a page that is confirming would be due; a slow answer costs one."""
    visit.asked.clear()
    for _ in range(turns):
        visit.page.clock.run_for(4 * SECONDS)
        visit.page.evaluate("fetch('/healthz')")  # what was asked before it, has been answered
    return visit.polls()


OVER = (
    "paid",
    "paid_short",
    "paid_twice",
    "failed_cancelled",
    "failed_cooling",
    "closed_paid",
    "closed_old",
)


@pytest.mark.parametrize("name", OVER)
def test_a_payment_that_is_over_is_not_asked_about(visit, plan, name):
    timeless(visit, payments.EVERY[name](plan))
    assert polls_in(visit, 15) == []


@pytest.mark.parametrize("name", ["paid_no_receipt", "failed_unknown"])
def test_a_result_that_may_change_is_asked_about_slowly(visit, plan, name):
    timeless(visit, payments.EVERY[name](plan))
    assert len(polls_in(visit, 16)) in range(4, 8)  # in a minute


def test_late_money_turns_a_failure_into_a_payment_on_the_page(visit, plan):
    """M-PESA says "unknown" first, and "paid" after all."""
    payment, hook = factories.pending(plan)
    payment = payments.settled(payment, hook, factories.failure(8899))
    page = visit.open(payment)
    visit.phase("failed")
    payments.settled(payment, hook, factories.success(amount=1499))
    page.reload()
    visit.phase("paid")
