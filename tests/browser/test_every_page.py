"""Every customer's page, in each language, on a phone and on a desk: screens, WCAG 2.2 AA, 320 px, our CSP."""

import pytest

from tests.browser import look, pages
from tests.browser.conftest import Visit
from tests.running import DESK, PHONE, ROOT, listen

LANGUAGES = ("en", "sw")
SIZES = {"360x640": PHONE, "1280x800": DESK}
SCREENS = ROOT / "instance/screens"
# Axe takes half of the time: it meets each page in both languages and both sizes, not in all four pairs.
HEARD = {("sw", "360x640"), ("en", "1280x800")}


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture(scope="session")
def windows(browser, shop):
    """One for each size: to open another for each page takes half of the time."""
    kept = {}

    def window(size):
        if size not in kept:
            context = browser.new_context(
                base_url=shop, timezone_id="Africa/Nairobi", **SIZES[size]
            )
            context.route(
                "**/status?*", lambda route: route.fulfill(status=204)
            )  # time stands still
            kept[size] = (context, context.new_page(), *listen(context))
        return kept[size]

    yield window
    for context, *_ in kept.values():
        context.close()


@pytest.fixture
def visit(windows, app, size):
    context, page, complaints, asked = windows(size)
    context.clear_cookies()
    complaints.clear()
    return Visit(context, page, app, complaints, asked)


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def scene(visit, plan, language):
    return pages.Scene(visit.page, visit, plan, language)


@pytest.mark.parametrize("name", pages.EVERY)
def test_everybody_can_use_the_page(name, scene, language, size):
    pages.EVERY[name](scene)
    look.keep(scene.page, SCREENS / language / size / f"{name}.png")
    found = look.at(scene.page) + look.spoken(scene.page, language)
    if size == "360x640":
        found += look.narrow(scene.page)
    if (language, size) in HEARD:
        found += look.heard(scene.page)
    found += scene.visit.complaints
    assert not found, "\n".join(found)
