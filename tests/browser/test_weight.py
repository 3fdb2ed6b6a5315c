"""What a page costs on a slow network, and that nothing jumps (ux.md §10)."""

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.browser import payments
from tests.browser.test_taps import slowly

MOST_BYTES, MOST_REQUESTS = 26 * 1024, 5
MOST_OF_A_LINK = 27 * 1024  # an old link opened first: the style is a file of its own, and stays
MOST_BEFORE_HTMX, MOST_HTML = 10 * 1024, 3 * 1024
MOST_SHIFT = 0.02
POLL = "**/status?*"
SHIFTS = """(() => {
  window.shifts = [];
  const named = node => node ? node.id || node.className || node.nodeName : '?';
  new PerformanceObserver(list => list.getEntries().forEach(e => e.hadRecentInput || window.shifts.push({
    at: e.startTime / 1000, value: e.value, phase: document.getElementById('payment').dataset.phase,
    moved: e.sources.map(source => named(source.node)).join()
  }))).observe({type: 'layout-shift', buffered: true});
})()"""


class Scale:
    """Weighs bodies as they came over the wire."""

    def __init__(self, visit):
        self.responses = []
        visit.context.on("response", self.note)

    def note(self, response):
        self.responses.append(response)

    def bodies(self):
        """Without those that were in the browser's memory, whose size is negative."""
        sizes = {it.url: it.request.sizes()["responseBodySize"] for it in self.responses}
        return {url: size for url, size in sizes.items() if size > 0}


@pytest.fixture
def scale(visit):
    return Scale(visit)


@pytest.fixture
def first_view(visit, plan, scale, shop):
    visit.page.goto("/subscribe/standard", wait_until="networkidle")
    return scale.bodies()


def test_the_first_view_of_the_checkout_weighs_26_kilobytes_at_most(first_view):
    assert sum(first_view.values()) <= MOST_BYTES, first_view
    assert len(first_view) <= MOST_REQUESTS, first_view


def test_nothing_comes_from_anybody_else_and_no_letters_are_loaded(visit, first_view, shop, scale):
    assert [url for url in first_view if not url.startswith(shop)] == []
    kinds = {response.request.resource_type for response in scale.responses}
    assert kinds <= {"document", "stylesheet", "script"}


def test_what_is_needed_before_htmx_weighs_10_kilobytes_at_most(first_view):
    before = {url: size for url, size in first_view.items() if "htmx" not in url}
    assert sum(before.values()) <= MOST_BEFORE_HTMX, before


@pytest.mark.parametrize("name", ["waiting_pin", "paid", "failed_unreachable"])
def test_a_payment_page_that_is_opened_first_weighs_a_little_more(visit, plan, scale, name):
    visit.own(payment := payments.EVERY[name](plan))
    visit.page.goto(f"/pay/{payment.token}", wait_until="networkidle")
    bodies = {url: size for url, size in scale.bodies().items() if "/status" not in url}
    assert sum(bodies.values()) <= MOST_OF_A_LINK, bodies


def test_a_second_view_fetches_the_page_only(visit, plan, scale):
    visit.page.goto("/subscribe/standard", wait_until="networkidle")
    payment = payments.paid(plan)
    visit.page.goto(f"/pay/{payment.token}", wait_until="networkidle")
    scale.responses.clear()
    visit.page.goto(f"/pay/{payment.token}", wait_until="networkidle")
    [(url, size)] = scale.bodies().items()
    assert url == visit.page.url
    assert size <= MOST_HTML


def test_a_poll_without_news_has_no_body(visit, plan):
    visit.open(payments.prompted(plan, 15))
    answer = visit.page.wait_for_event("response", lambda response: "/status" in response.url)
    assert answer.status == 204
    assert answer.request.sizes()["responseBodySize"] == 0


def test_nothing_jumps_from_the_form_to_the_receipt(visit, plan):
    page = visit.page
    page.add_init_script(SHIFTS)
    page.goto("/subscribe/standard")
    page.locator("#phone").fill("0712 345 678")
    slowly(visit)  # a tap excuses nothing after half a second
    page.locator("#payment button[type=submit]").tap()
    visit.phase("sending")
    payment, hook = accepted()
    visit.phase("waiting_prompt")
    payments.aged(payment, 6)
    visit.phase("waiting_pin")
    payments.aged(payment, 55)
    visit.phase("processing")
    payments.settled(payment, hook, factories.success(amount=1499))
    visit.phase("paid")
    expect(page.locator("#title")).to_be_focused()
    shifts = page.evaluate("window.shifts")
    assert worst(shifts) <= MOST_SHIFT, "\n".join(map(str, shifts))


def accepted():
    payment = payments.newest()
    hook = factories.sent(payment)
    factories.accepted(payment)
    return payment, hook


def worst(shifts):
    """CLS as web.dev defines it: the worst burst, of at most five seconds, without a second's pause."""
    bursts, start, last = [], 0, -9
    for shift in shifts:
        if shift["at"] - last > 1 or shift["at"] - start > 5:
            bursts.append(0)
            start = shift["at"]
        bursts[-1] += shift["value"]
        last = shift["at"]
    return max(bursts, default=0)
