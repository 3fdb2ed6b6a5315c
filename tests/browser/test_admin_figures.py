"""Overview, analytics and audit log over the demo's history: screens, WCAG 2.2 AA, 320 px, our CSP."""

import pytest

from tests.browser import look
from tests.running import DESK, PHONE, ROOT, listen
from tests.web.admin.desk import sitting

SIZES = {"360x640": PHONE, "1280x800": DESK}
SCREENS = ROOT / "instance/screens/admin"
PAGES = {
    "overview": "/admin/",
    "analytics": "/admin/analytics/",
    "analytics of a year": "/admin/analytics/?days=365",
    "audit log": "/admin/audit/",
    "audit log, searched": "/admin/audit/?who=customer&from=2020-01-01",
    "alerts": "/admin/alerts/",
    "alert": "/admin/alerts/3",
}
# On a phone the rail is a strip that scrolls: axe cannot tell the colours of what is scrolled away.
WITHOUT_RAIL = "document.querySelector('.nav').remove()"
# A line of the grid touches the letters beside it: axe cannot tell what they stand on. It is white.
FORGIVEN = "axe color-contrast: <text"


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture
def desk(browser, shop, app, size):
    """An owner's browser, at this size, where weeks have gone by."""
    app.test_cli_runner().invoke(args=["demo"])
    client = sitting(app, "owner")
    name = app.config["SESSION_COOKIE_NAME"]
    context = browser.new_context(base_url=shop, timezone_id="Africa/Nairobi", **SIZES[size])
    value = client.get_cookie(name).value
    context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
    yield context
    context.close()


def test_everybody_can_use_the_pages(desk, size):
    complaints, _ = listen(desk)
    page, wrong = desk.new_page(), []
    for name, path in PAGES.items():
        assert page.goto(path).status == 200
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / f"{name.replace(' ', '-')}-{size}.png", full_page=True)
        seen = look.at(page) + look.narrow(page)
        page.evaluate(WITHOUT_RAIL)
        found = [what for what in seen + look.heard(page) if FORGIVEN not in what]
        wrong += [f"{name}: {what}" for what in found + complaints]
    assert wrong == []
