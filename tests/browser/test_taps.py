"""Impatient thumbs, back buttons, and a page that changes without leaving."""

import pytest
from playwright.sync_api import expect

from app.daraja import Reason
from app.extensions import db
from app.payments.models import Payment
from tests import factories
from tests.browser import payments
from tests.browser.test_network import NOTE_STRIPS
from tests.running import PHONE


def ready(visit, phone="0712 345 678"):
    """The form, filled in; its button."""
    visit.page.goto("/subscribe/standard")
    visit.page.locator("#phone").fill(phone)
    return visit.page.locator("#payment button[type=submit]")


def rows():
    db.session.rollback()
    return db.session.query(Payment).order_by(Payment.id).all()


def slowly(visit):
    """Each request takes most of a second, as on 2G."""
    session = visit.context.new_cdp_session(visit.page)
    conditions = {
        "offline": False,
        "latency": 700,
        "downloadThroughput": -1,
        "uploadThroughput": -1,
    }
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", conditions)


def tap_again_and_again(visit, button):
    """Where the button is, whatever the page has made of it."""
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    for _ in range(4):
        visit.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_double_tap_on_pay_is_one_payment(visit, plan):
    button = ready(visit)
    slowly(visit)
    tap_again_and_again(visit, button)
    visit.phase("sending")
    assert len(rows()) == 1


def test_a_double_tap_on_try_again_is_one_new_payment(visit, plan):
    visit.open(payments.failed(plan, Reason.CANCELLED))
    slowly(visit)
    tap_again_and_again(visit, visit.page.locator('form[action$="/retry"] button'))
    visit.phase("sending")
    assert len(rows()) == 2


def test_a_second_tap_is_not_called_a_bad_network(visit, plan):
    page = visit.open(payments.failed(plan, Reason.CANCELLED))
    page.evaluate(NOTE_STRIPS)
    slowly(visit)
    tap_again_and_again(visit, page.locator('form[action$="/retry"] button'))
    visit.phase("sending")
    assert page.evaluate("window.strips") == []


def test_a_double_tap_on_another_number_is_one_new_payment(visit, plan):
    visit.open(payments.prompted(plan, 20))
    visit.page.locator("details.help summary").tap()
    visit.page.locator("#number").fill("0722 000 333")
    slowly(visit)
    tap_again_and_again(visit, visit.page.locator("form.number button"))
    visit.phase("sending")
    assert len(rows()) == 2


class TestWithoutScripts:
    @pytest.fixture
    def device(self):
        return PHONE | {"java_script_enabled": False}

    def test_a_double_tap_on_pay_is_one_payment(self, visit, plan):
        ready(visit).dblclick()
        visit.page.wait_for_url("**/pay/*")
        assert len(rows()) == 1

    def test_a_double_tap_on_try_again_is_one_new_payment(self, visit, plan):
        visit.open(payments.failed(plan, Reason.CANCELLED))
        visit.page.locator('form[action$="/retry"] button').dblclick()
        visit.phase("sending")
        assert len(rows()) == 2


def test_the_checkout_becomes_the_payment_without_leaving(visit, plan):
    """So that the tap on Pay still counts when the phone shall sound and vibrate."""
    button = ready(visit)
    visit.page.evaluate("window.stayed = true")
    button.tap()
    visit.phase("sending")
    assert visit.page.url.endswith(f"/pay/{rows()[0].token}")
    assert visit.page.evaluate("[window.stayed, navigator.userActivation.hasBeenActive]") == [
        True,
        True,
    ]


def test_a_retry_becomes_the_new_payment_without_leaving(visit, plan):
    page = visit.open(payments.failed(plan, Reason.CANCELLED))
    page.evaluate("window.stayed = true")
    page.locator('form[action$="/retry"] button').tap()
    visit.phase("sending")
    assert page.url.endswith(f"/pay/{rows()[1].token}")
    assert page.evaluate("window.stayed") is True


def test_a_refusal_is_no_new_place(visit, plan):
    button = ready(visit, "0712")
    button.tap()
    expect(visit.page.get_by_role("alert")).to_contain_text("Enter a Safaricom number")
    assert visit.page.url.endswith("/subscribe/standard")
    assert visit.page.title().startswith("Error: ")
    assert visit.page.evaluate("document.activeElement.className") == "problem"
    visit.page.locator("#phone").fill("0712 345 678")
    visit.page.locator("#payment button[type=submit]").tap()
    visit.phase("sending")


def test_back_is_the_form_and_forward_the_payment_as_it_is_now(visit, plan):
    page = visit.page
    page.goto("/")
    page.locator("a.plan").tap()
    page.locator("#phone").fill("0712 345 678")
    page.locator("#payment button[type=submit]").tap()
    visit.phase("sending")
    page.go_back()
    expect(page.locator("#payment #phone")).to_be_visible()
    expect(page.locator("[data-phase]")).to_have_count(0)
    [payment] = rows()
    hook = factories.sent(payment)
    factories.accepted(payment)
    payments.settled(payment, hook, factories.success(amount=1499))
    page.go_forward()
    visit.phase("paid")


def test_back_and_pay_again_leads_to_the_payment_that_is_under_way(visit, plan):
    ready(visit).tap()
    visit.phase("sending")
    visit.page.go_back()
    visit.page.locator("#phone").fill("0712 345 678")
    visit.page.locator("#payment button[type=submit]").tap()
    visit.phase("sending")
    [payment] = rows()
    assert visit.page.url.endswith(payment.token)


def test_back_to_a_payment_shows_its_news(visit, plan):
    """No copy of a former state, neither from the cache nor from the browser's memory."""
    payment, hook = factories.pending(plan)
    page = visit.open(payments.aged(payment, 20))
    page.goto("/help/mpesa")
    payments.settled(payment, hook, factories.success(amount=1499))
    page.go_back()
    visit.phase("paid", 3)


def test_a_button_that_must_wait_is_not_sent_and_opens_by_itself(visit, plan):
    visit.page.clock.install()
    page = visit.open(payments.failed(plan, Reason.CANCELLED, age=100))
    button = page.locator("[data-wait]")
    expect(button).to_contain_text("Try again in 0:")
    visit.asked.clear()
    tap_again_and_again(visit, button)
    page.clock.run_for(25_000)
    expect(page.locator('form[action$="/retry"] button')).to_have_text("Try again")
    assert [method for method, _ in visit.asked if method == "POST"] == []
    assert page.locator('form[action$="/retry"] button').get_attribute("aria-disabled") is None
