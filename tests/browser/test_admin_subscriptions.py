"""Subscriptions, customers and plans, on a phone and on a desk: screens, WCAG 2.2 AA, 320 px, our CSP."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.billing import cancelling, subscribers
from app.extensions import db
from app.jobs import work
from app.payments import by_staff
from app.staff.accounts import By
from tests import factories
from tests.browser import look
from tests.running import DESK, PHONE, ROOT, listen
from tests.web.admin.desk import sitting

SIZES = {"360x640": PHONE, "1280x800": DESK}
SCREENS = ROOT / "instance/screens/admin"
# Strips that scroll sideways on a phone: all of them is looked at.
UNROLLED = (
    """document.querySelectorAll('.nav, .tabs').forEach(e => { e.style.flexWrap = 'wrap'; })"""
)
BY = By("staff:1", "they moved away")
NAMES = ("Wanjiru Kamau", None, "Maximiliana Wambui wa Ng'ang'a Kipkemboi", "Otieno Ouma", None)


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture
def desk(browser, shop, app, size):
    """An owner's browser, at this size."""
    client = sitting(app, "owner")
    name = app.config["SESSION_COOKIE_NAME"]
    context = browser.new_context(base_url=shop, timezone_id="Africa/Nairobi", **SIZES[size])
    value = client.get_cookie(name).value
    context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
    yield context
    context.close()


@pytest.fixture
def sold(plan):
    """One active, one ending, one cancelled, one unpaid at an old price, and one that lapsed."""
    lapsed = bought(plan, 4, 40)
    made = [*(bought(plan, n, 2) for n in range(4)), lapsed]
    cancelling.end_with_period(by_staff.quiet(made[1]), BY)
    cancelling.cancel(by_staff.quiet(made[2]), BY)
    for one, name in zip(made, NAMES, strict=True):
        subscribers.rename(one.subscriber, name, BY)
    plan.price = 1999
    factories.plan(code="family", name="Family, for a whole household", price=14999, unit="year")
    factories.plan(code="old", name="Day pass", price=20, unit="day").retired_at = clock.now()
    db.session.commit()
    return made


def bought(plan, n, days):
    with time_machine.travel(clock.now() - timedelta(days=days)):
        payment, hook = factories.pending(plan, f"25471234567{n}", f"ws_CO_{n}")
        answer = (
            factories.failure(checkout_id=f"ws_CO_{n}")
            if n == 3
            else factories.success(1499, f"TKL000000{n}", f"ws_CO_{n}")
        )
        factories.deliver(hook, answer)
        work.settle_inbox()
    return factories.fresh(payment.id).invoice.subscription


def pages(sold, plan):
    subscription, person = "/admin/subscriptions/", "/admin/customers/"
    one = sold[0].subscriber_id
    return {
        "subscriptions": subscription,
        "subscriptions none": f"{subscription}?q=nobody",
        "subscriptions found": f"{subscription}?q=wanj",
        "subscription": f"{subscription}{sold[0].id}",
        "subscription ending": f"{subscription}{sold[1].id}",
        "subscription cancelled": f"{subscription}{sold[2].id}",
        "subscription unpaid": f"{subscription}{sold[3].id}",
        "subscription cancel": f"{subscription}{sold[0].id}/cancel",
        "subscription new": f"{subscription}new",
        "subscription new known": f"{subscription}new?customer={one}",
        "customers": person,
        "customer": f"{person}{one}",
        "customer name": f"{person}{one}/name",
        "customer phone": f"{person}{one}/phone",
        "customer reveal": f"{person}{one}/reveal",
        "plans": "/admin/plans/",
        "plan": f"/admin/plans/{plan.id}",
        "plan new": "/admin/plans/new",
        "plan edit": f"/admin/plans/{plan.id}/edit",
        "plan retire": f"/admin/plans/{plan.id}/retire",
        "plan preview": "/admin/plans/preview?name=Gold&price=1499&unit=week&every=2",
        "plan no preview": "/admin/plans/preview",
    }


def looked_at(page, name, size):
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name.replace(' ', '-')}-{size}.png", full_page=True)
    page.evaluate(UNROLLED)
    found = look.at(page) + look.narrow(page) + look.heard(page)
    return [
        wrong for wrong in found if 'hard to hit: input "" 22' not in wrong
    ]  # its label is 48 px


def test_everybody_can_use_the_pages(desk, sold, plan, size):
    complaints, _ = listen(desk)
    page, wrong = desk.new_page(), []
    for name, path in pages(sold, plan).items():
        assert page.goto(path, wait_until="networkidle").status == 200
        wrong += [f"{name}: {what}" for what in looked_at(page, name, size)]
    assert wrong + complaints == []


def test_everybody_can_use_the_pages_that_say_no(desk, sold, plan, size):
    complaints, _ = listen(desk)
    page = desk.new_page()
    for name, path, button, typed in (
        ("subscription new wrong", "/admin/subscriptions/new", "Send the request", {"phone": "07"}),
        ("customer phone wrong", "/admin/customers/1/phone", "Change the number", {"phone": "07"}),
        ("plan new wrong", "/admin/plans/new", "Put it on sale", {"price": "14.99"}),
    ):
        page.goto(path)
        page.eval_on_selector_all(
            "form", "forms => forms.forEach(form => { form.noValidate = true })"
        )
        for field, text in typed.items():
            page.locator(f"#{field}").fill(text)
        page.get_by_role("button", name=button).click()
        page.locator(".problem").wait_for()
        assert (name, looked_at(page, name, size) + complaints) == (name, [])


def test_the_number_is_shown_after_a_reason(desk, sold, size):
    page = desk.new_page()
    page.goto(f"/admin/customers/{sold[0].subscriber_id}/reveal")
    page.locator("#reason").fill("to call them back")
    page.get_by_role("button", name="Show the number").click()
    assert "0712\xa0345\xa0670" in page.locator(".big").inner_text()
    assert looked_at(page, "customer revealed", size) == []


def test_the_preview_follows_what_is_typed(desk, sold, plan):
    complaints, _ = listen(desk)
    page = desk.new_page()
    page.goto(f"/admin/plans/{plan.id}/edit")
    frame = page.frame_locator("iframe")
    frame.locator(".summary .amount").get_by_text("1,999").wait_for()
    page.locator("#price").fill("2500")
    page.locator("#name").fill("Gold")
    frame.locator(".summary .what").get_by_text("Gold").wait_for()
    frame.locator(".summary .amount").get_by_text("2,500").wait_for()
    page.locator("#price").fill("")
    frame.get_by_text("The price is whole shillings").wait_for()
    page.go_back()
    assert page.url == "about:blank"  # the previews are no steps of the way
    assert complaints == []


def test_without_scripts_its_button_shows_the_preview(browser, shop, app, sold):
    client = sitting(app, "owner")
    name = app.config["SESSION_COOKIE_NAME"]
    context = browser.new_context(base_url=shop, java_script_enabled=False, **DESK)
    value = client.get_cookie(name).value
    context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
    page = context.new_page()
    page.goto("/admin/plans/new")
    page.locator("#name").fill("Gold")
    page.locator("#price").fill("1499")
    page.get_by_role("button", name="Preview").click()
    page.frame_locator("iframe").locator(".summary .amount").get_by_text("1,499").wait_for()
    assert page.url.endswith("/admin/plans/new")
    context.close()
