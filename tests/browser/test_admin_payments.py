"""Payments and failed ones, on a phone and on a desk: screens, WCAG 2.2 AA, 320 px, our CSP."""

from datetime import timedelta

import pytest

from app.desk import acts, saved
from app.extensions import db
from app.staff import Staff
from tests import factories
from tests.browser import look
from tests.desk import history
from tests.running import DESK, PHONE, ROOT, listen
from tests.web.admin.desk import sitting

SIZES = {"360x640": PHONE, "1280x800": DESK}
SCREENS = ROOT / "instance/screens/admin"
# A box is hit by its label, which is 48 px high; axe cannot tell what the letters of a chart stand on.
FORGIVEN = ('hard to hit: input "" 22', "axe color-contrast: <text")
# Strips that scroll sideways on a phone: all of them is looked at.
UNROLLED = (
    """document.querySelectorAll('.nav, .tabs').forEach(e => { e.style.flexWrap = 'wrap'; })"""
)
NAMES = ("Wanjiru Kamau", None, "Maximiliana Wambui wa Ng'ang'a Kipkemboi", "Otieno Ouma")
CAUSES = ("cancelled", "expired", "merchant_problem", "insufficient_funds")


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture
def desk(browser, shop, app, size):
    """An operator's browser, at this size."""
    client = sitting(app, "operator")
    name = app.config["SESSION_COOKIE_NAME"]
    context = browser.new_context(base_url=shop, timezone_id="Africa/Nairobi", **SIZES[size])
    value = client.get_cookie(name).value
    context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
    yield context
    context.close()


@pytest.fixture
def made(plan, desk):
    """Paid, waiting and failed ones, with names and without."""
    person = db.session.query(Staff).one()
    paid = history.paid(plan, 1, ago=timedelta(minutes=2))
    acts.note(paid, person.id, "She called about her receipt.\nSent it by SMS.")
    waiting, _ = factories.pending(plan, history.phone(2), "ws_CO_2")
    failed = [history.failed(plan, n, CAUSES[n % 4], ago=timedelta(hours=n)) for n in range(3, 20)]
    for payment, name in zip([paid, waiting, *failed], NAMES, strict=False):
        if name:
            history.named(payment, name)
    owner = saved.Owner(person.id, plan.merchant_id)
    saved.save(owner, "Failed this week", "status=failed&days=7")
    db.session.commit()
    return paid, waiting, failed[0]


def looked_at(page, name, size):
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name.replace(' ', '-')}-{size}.png", full_page=True)
    page.evaluate(UNROLLED)
    found = look.at(page) + look.narrow(page) + look.heard(page)
    return [f"{name}: {what}" for what in found if not any(one in what for one in FORGIVEN)]


def pages(made):
    payments = "/admin/payments/"
    filtered = "status=failed&from=2026-01-01&amount=1499&reason=cancelled&q=Max"
    return {
        "payments": payments,
        "payments filtered": f"{payments}?{filtered}",
        "payments none": f"{payments}?q=nobody",
        **{f"payment {one.status}": f"{payments}{one.id}/" for one in made},
        "failed": "/admin/failed/",
    }


def test_everybody_can_use_the_pages(desk, made, size):
    complaints, _ = listen(desk)
    page, wrong = desk.new_page(), []
    for name, path in pages(made).items():
        assert page.goto(path).status == 200
        for details in page.locator(".story details").all():
            details.locator("summary").click()
        wrong += looked_at(page, name, size)
    assert wrong + complaints == []


def test_everybody_can_use_the_pages_that_say_no(desk, made, size):
    page = desk.new_page()
    page.goto("/admin/payments/?amount=x&from=2026-13-01")
    wrong = looked_at(page, "payments wrong", size)
    page.goto("/admin/failed/")
    page.get_by_role("button", name="Send a new request to the chosen").click()
    wrong += looked_at(page, "failed none chosen", size)
    for box in page.get_by_role("checkbox").all()[:3]:
        box.check()
    page.get_by_role("button", name="Send a new request to the chosen").click()
    assert "3 of 3 sent" in page.locator(".lead").inner_text()
    assert wrong + looked_at(page, "failed sent", size) == []


def test_the_list_follows_what_happens(desk, made, plan):
    complaints, _ = listen(desk)
    page = desk.new_page()
    page.goto("/admin/payments/")
    page.locator("#rows a.open").first.focus()
    history.named(history.failed(plan, 40), "Achieng")
    page.get_by_role("link", name="Achieng").wait_for(timeout=15_000)
    assert page.evaluate("document.activeElement.className") == "open"  # nobody loses their place
    assert complaints == []


def test_without_scripts_everything_is_there(browser, shop, app, plan):
    client = sitting(app, "owner")
    name = app.config["SESSION_COOKIE_NAME"]
    context = browser.new_context(base_url=shop, java_script_enabled=False, **DESK)
    value = client.get_cookie(name).value
    context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
    history.named(history.failed(plan, 1), "Wanjiru")
    page = context.new_page()
    page.goto("/admin/payments/")
    page.locator("#q").fill("0712 000 001")
    page.get_by_role("button", name="Filter").click()
    assert "phone=" in page.url
    page.get_by_role("link", name="Wanjiru").click()
    page.get_by_role("button", name="Send a new request").click()
    assert "on its way" in page.locator(".flash").inner_text()
    page.locator("#text").fill("Asked again.")
    page.get_by_role("button", name="Keep the note").click()
    page.get_by_text("Asked again.").wait_for()
