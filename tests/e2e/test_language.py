"""The header's link, which the checkout does not replace, in a real browser."""

from playwright.sync_api import expect

from tests.e2e.test_a_customer_pays import begin, phase


def test_after_the_checkout_the_link_leads_to_the_payment_in_the_other_language(malipo, visitor):
    page = visitor.new_page()
    begin(page, "0722 000 041")
    phase(page, "waiting_prompt")
    paying = page.url
    link = page.get_by_role("link", name="Kiswahili")
    assert link.bounding_box()["height"] >= 44
    link.click()
    page.wait_for_url(f"{paying}?lang=sw")
    expect(page.locator("#payment")).to_contain_text("M-PESA", timeout=5000)
    assert page.locator("html").get_attribute("lang") == "sw"
    phase(page, "waiting_pin")
    expect(page.locator("#payment")).to_contain_text("Weka PIN yako ya M-PESA")
    page.goto("/")
    expect(page.get_by_role("heading")).to_have_text("Chagua mpango")
