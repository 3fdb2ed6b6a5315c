"""The customer's pages in a real Chromium, over the real application on real servers. Only Safaricom is rows."""

from dataclasses import dataclass, field
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page
from werkzeug.serving import make_server
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from app import merchants
from app.extensions import db
from tests import factories
from tests.browser.payments import owners_cookie
from tests.conftest import empty_database
from tests.running import PHONE, browser, listen, malipo, root, visitor

__all__ = ["browser", "malipo", "root", "visitor"]

INSTALLATION = ("test_flows.py", "test_admin_pages.py", "test_admin_acts.py")
SECONDS = 1000  # Playwright counts in milliseconds


class OneInstallation(LoadScopeScheduling):  # type: ignore[misc]
    """What needs a running installation, or weeks of history, stays with one worker; all else is handed out
    one by one.

    xdist_group would say it, but xdist 3.8 does not find its marks in pytest 9.
    """

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return file if file.endswith(INSTALLATION) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return OneInstallation(config, log)


@pytest.fixture(scope="session")
def settings_of_malipo():
    return {"SWEEP_SECONDS": "1", "PROMPT_LIMITS_ENABLED": "0"}


@pytest.fixture(scope="session")
def shop(browser, wired_app):
    """The address of the application behind a real HTTP server."""
    server = make_server("127.0.0.1", 0, wired_app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(shop, wired_app):
    """An empty database before each test. Nobody's books are looked at: ages are set by hand."""
    with wired_app.app_context():
        empty_database()
        yield wired_app


@pytest.fixture(scope="module")
def house(shop, wired_app):
    """The demo's weeks, for tests that leave each other alone."""
    with wired_app.app_context():
        empty_database()
        done = wired_app.test_cli_runner().invoke(args=["demo"])
        assert done.exit_code == 0, done.output
        db.session.remove()
        yield wired_app
        db.session.remove()


@pytest.fixture
def merchant(app):
    seller = merchants.named("default")
    seller.name, seller.support = "Mwanga Academy", "0722 000 111"
    return seller


@pytest.fixture
def plan(merchant):
    return factories.plan(price=1499)


@pytest.fixture
def device():
    """What the page is looked at with; a test may have others."""
    return PHONE


@pytest.fixture
def forgiven():
    """Beginnings of what a console may say in this test."""
    return ()


@dataclass
class Visit:
    """A browser that has never been here."""

    context: BrowserContext
    page: Page
    app: object
    complaints: list = field(default_factory=list)
    asked: list = field(default_factory=list)  # methods and paths of all requests

    def own(self, *payments):
        """As if these payments had been started here."""
        name, value = owners_cookie(self.app, *payments)
        self.context.add_cookies(
            [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}]
        )

    def open(self, payment):
        self.own(payment)
        self.page.goto(f"/pay/{payment.token}")
        return self.page

    def polls(self):
        return [path for _, path in self.asked if path.endswith("/status")]

    def phase(self, name, seconds=10):
        section = self.page.locator(f'#payment[data-phase="{name}"]')
        section.wait_for(timeout=seconds * SECONDS)
        return section


@pytest.fixture
def visit(browser, shop, app, device, forgiven):
    context = browser.new_context(base_url=shop, timezone_id="Africa/Nairobi", **device)
    complaints, asked = listen(context)
    yield Visit(context, context.new_page(), app, complaints, asked)
    context.close()
    found = [said for said in complaints if not said.startswith(forgiven or "\0")]
    assert not found, "\n".join(found)
