"""From `make run` on a new machine to a receipt and an active subscription, in a real browser."""

from time import monotonic

import pytest
from playwright.sync_api import expect


def begin(page, phone, plan="standard"):
    page.goto("/")
    page.locator(f'a[href$="/subscribe/{plan}"]').click()
    page.locator("input[name=phone]").fill(phone)
    page.get_by_role("button", name="Pay").click()


def phase(page, name, seconds=15):
    section = page.locator(f'#payment[data-phase="{name}"]')
    section.wait_for(timeout=seconds * 1000)
    return section


def token(page):
    return page.url.rsplit("/", 1)[1]


def test_a_customer_pays_and_the_subscription_is_active(malipo, visitor):
    before = {one["id"] for one in malipo.exported("subscriptions")}  # the demo's history
    page, sim = visitor.new_page(), visitor.new_page()
    begin(page, "0712 345 678")
    phase(page, "waiting_prompt")
    sim.goto(f"{malipo.phone}/?phone=0712345678")
    sim.locator("#prompt #pin").wait_for()
    phase(page, "waiting_pin")
    steps = page.locator("#payment ol li").all_inner_texts()
    assert [step.strip() for step in steps] == ["Sent", "Enter PIN", "Confirm", "Paid"]
    sim.locator("#pin").fill("1234")
    sim.locator("#pin-ok").click()
    entered = monotonic()
    paid = phase(page, "paid", 2)
    assert monotonic() - entered <= 2
    receipt = paid.get_attribute("data-receipt")
    expect(paid).to_contain_text(receipt)
    [payment] = malipo.exported("payments", token=token(page))
    assert (payment["status"], payment["receipt"]) == ("paid", receipt)
    bought = malipo.exported("subscriptions", plan="standard", active=True)
    [subscription] = [one for one in bought if one["id"] not in before]
    assert subscription["periods"] == 1
    sim.goto(f"{malipo.phone}/?phone=0712345678")
    expect(sim.locator(".sms").first).to_contain_text(receipt)
    malipo.flask("check-books")


def test_a_customer_pays_without_javascript(malipo, browser):
    context = browser.new_context(base_url=malipo.shop, java_script_enabled=False)
    page, sim = context.new_page(), context.new_page()
    begin(page, "0722 000 001", plan="daily")
    page.wait_for_url("**/pay/*")
    sim.goto(f"{malipo.phone}/?phone=0722000001")
    for _ in range(20):
        if sim.locator("#prompt #pin").count():
            break
        sim.wait_for_timeout(300)
        sim.reload()
    sim.locator("#pin").fill("1234")
    sim.locator("#pin-ok").click()
    for _ in range(20):
        page.wait_for_timeout(300)
        page.reload()
        if page.locator('#payment[data-phase="paid"]').count():
            break
    expect(page.locator("#payment")).to_contain_text("Payment received")
    context.close()


def test_a_customer_cancels_and_sees_that_nothing_was_charged(malipo, visitor):
    page, sim = visitor.new_page(), visitor.new_page()
    begin(page, "0722 000 002")
    phase(page, "waiting_prompt")
    sim.goto(f"{malipo.phone}/?phone=0722000002")
    sim.locator("#prompt #pin").wait_for()
    sim.locator("#pin-cancel").click()
    failed = phase(page, "failed")
    assert failed.get_attribute("data-reason") == "cancelled"
    expect(failed).to_contain_text("You have not been charged")


def test_a_bad_number_is_explained_in_place(visitor, malipo):
    page = visitor.new_page()
    begin(page, "0712")
    expect(page.get_by_role("alert")).to_contain_text("Enter a Safaricom number")
    expect(page.locator("input[name=phone]")).to_have_value("0712")


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_runs_over_the_edge(visitor, malipo, width):
    page = visitor.new_page()
    page.set_viewport_size({"width": width, "height": 640})
    for path in ("/", "/subscribe/standard", "/nowhere"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
