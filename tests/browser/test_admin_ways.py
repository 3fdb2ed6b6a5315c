"""The staff's side when something is mistyped, by keyboard alone, without scripts, and while it is open."""

import pytest

from app.desk import rows
from app.extensions import db
from app.payments.models import Payment
from tests.browser import look
from tests.browser.admin import SIZES, looked_at, newest, seated
from tests.desk import history
from tests.running import DESK, PHONE
from tests.web.admin.desk import sitting

# Where something wrong is typed: what, and the button.
WRONG = (
    ("subscription new wrong", "/admin/subscriptions/new", {"phone": "07"}, "Send the request"),
    ("customer phone wrong", "/admin/customers/1/phone", {"phone": "07"}, "Change the number"),
    ("plan new wrong", "/admin/plans/new", {"price": "14.99"}, "Put it on sale"),
    ("person new wrong", "/admin/people/new", {"email": "amina"}, "Add"),
    ("payments wrong", "/admin/payments/?amount=x&from=2026-13-01", {}, ""),
)
FOCUSED = "(e => e.innerText || e.id)(document.activeElement)"
OUTLINED = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"


@pytest.fixture
def seat(app, plan, browser, shop):
    """An owner's, on a desk, where somebody failed to pay."""
    history.named(history.failed(plan, 1), "Wanjiru Kamau")
    with seated(browser, shop, sitting(app, "owner"), **DESK) as seat:
        yield seat
        assert seat.complaints == []


@pytest.mark.parametrize("width", (1280, 1001, 901, 360))
def test_large_sums_fit_their_tiles(seat, width):
    seat.page.set_viewport_size({"width": width, "height": 800})
    seat.go("/admin/")
    seat.page.eval_on_selector_all(
        ".kpi .v", "all => all.forEach(e => { e.textContent = 'KSh 8,888,888' })"
    )
    assert look.at(seat.page) == []


@pytest.mark.parametrize("size", SIZES)
def test_what_is_mistyped_is_said_where_it_is(app, plan, browser, shop, size):
    history.failed(plan, 1)
    wrong = []
    with seated(browser, shop, sitting(app, "owner"), **SIZES[size]) as seat:
        for name, path, typed, button in WRONG:
            seat.page.goto(path)
            seat.page.eval_on_selector_all(
                "form", "all => all.forEach(e => { e.noValidate = true })"
            )
            seat.fill(**typed)
            if button:
                seat.press(button)
            problem = seat.page.locator(".problem")
            problem.wait_for()
            assert problem.evaluate("e => e === document.activeElement"), name
            assert seat.page.title().startswith("Error"), name
            wrong += looked_at(seat, name, size)
    assert wrong == []


def test_a_payment_is_found_and_asked_for_again_by_keyboard_alone(seat):
    seat.go("/admin/payments/")
    keys = seat.page.keyboard
    keys.press("Tab")
    assert seat.page.evaluate(FOCUSED).startswith("Skip")
    keys.press("Enter")
    _tab_to(seat, "q")
    keys.type("wanj")
    keys.press("Enter")
    seat.page.wait_for_url("**q=wanj**")
    _tab_to(seat, "Wanjiru Kamau")
    keys.press("Enter")
    seat.page.wait_for_url("**/payments/*/")
    _tab_to(seat, "Send a new request")
    keys.press("Enter")
    seat.told("A new request is on its way.")


def _tab_to(seat, wanted):
    for _ in range(40):
        seat.page.keyboard.press("Tab")
        assert seat.page.evaluate(OUTLINED)
        if seat.page.evaluate(FOCUSED).startswith(wanted):
            return
    pytest.fail(f"{wanted} is not on the way")


def test_the_list_follows_what_happens(seat, plan):
    seat.go("/admin/payments/")
    seat.page.locator("#rows a.open").first.focus()
    history.named(history.failed(plan, 40), "Achieng")
    seat.page.get_by_role("link", name="Achieng").wait_for(timeout=15_000)
    assert (
        seat.page.evaluate("document.activeElement.className") == "open"
    )  # nobody loses their place


def test_the_preview_follows_what_is_typed(seat, plan):
    seat.go(f"/admin/plans/{plan.id}/edit")
    frame = seat.page.frame_locator("iframe")
    frame.locator(".summary .amount").get_by_text("1,499").wait_for()
    seat.fill(price="2500", name="Gold")
    frame.locator(".summary .what").get_by_text("Gold").wait_for()
    frame.locator(".summary .amount").get_by_text("2,500").wait_for()
    seat.fill(price="")
    frame.get_by_text("The price is whole shillings").wait_for()
    seat.page.go_back()
    assert seat.page.url == "about:blank"  # the previews are no steps of the way


def test_without_scripts_everything_is_there(app, plan, browser, shop):
    history.named(history.failed(plan, 1), "Wanjiru")
    how = {**PHONE, "java_script_enabled": False}
    with seated(browser, shop, sitting(app, "owner"), **how) as seat:
        seat.go("/admin/payments/")
        seat.fill(q="0712 000 001")
        seat.press("Filter")
        assert "phone=" in seat.page.url
        seat.follow("Wanjiru")
        seat.press("Send a new request")
        seat.told("A new request is on its way.")
        seat.fill(text="Asked again.")
        seat.press("Keep the note")
        seat.reads("Asked again.")
        db.session.rollback()
        assert rows.of([newest(Payment).id])[0].name == "Wanjiru"
        seat.go("/admin/plans/new")
        seat.fill(name="Gold", price="1499")
        seat.press("Preview")
        seat.page.frame_locator("iframe").locator(".amount").get_by_text("1,499").wait_for()
        assert seat.page.url.endswith("/admin/plans/new")
        seat.go(f"/admin/plans/{plan.id}")
        assert seat.page.get_by_role("button", name="Copy").count() == 0  # the link can be marked
