"""What the tests of the staff's side share: somebody's browser, and what is wrong with a page of theirs."""

from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select

from app.extensions import db
from tests.browser import look
from tests.running import DESK, PHONE, ROOT, listen

SIZES = {"360x640": PHONE, "1280x800": DESK}
SCREENS = ROOT / "instance/screens/admin"
# Strips that scroll sideways on a phone: all of them is looked at.
UNROLLED = (
    """document.querySelectorAll('.nav, .tabs').forEach(e => { e.style.flexWrap = 'wrap'; })"""
)
# Fifty rows are one row fifty times: axe hears the first of them.
THINNED = """document.querySelectorAll('tbody tr:nth-child(n+7), ol > li:nth-child(n+9), ul > li:nth-child(n+13)')
  .forEach(e => { e.remove(); })"""
# A box is hit by its label, which is 48 px high. A line of a chart touches the letters beside it: axe
# cannot tell what they stand on. It is white.
FORGIVEN = ('hard to hit: input "" 22', "axe color-contrast: <text")


def newest(model, *conditions):
    query = select(model).where(*conditions).order_by(model.id.desc()).limit(1)
    return db.session.scalars(query).one()


@dataclass
class Seat:
    """Somebody of the staff at a browser. They press what they read."""

    context: BrowserContext
    page: Page
    complaints: list

    def go(self, path):
        answer = self.page.goto(path)
        assert answer.status == 200, (path, answer.status)

    def fill(self, **fields):
        for name, text in fields.items():
            self.page.locator(f"#{name}").fill(text)

    def choose(self, name):
        """A radio button or a box, by its label."""
        self.page.locator("label.choice", has_text=name).first.click()

    def unfold(self, name):
        self.page.locator("summary", has_text=name).first.click()

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name):
        self.page.get_by_role("link", name=name).first.click()

    def reads(self, text):
        self.page.get_by_text(text).first.wait_for()

    def told(self, text):
        """By the strip on top of the page that an act leads to."""
        self.page.locator(".flash", has_text=text).wait_for()

    def download(self, press):
        with self.page.expect_download() as started:
            press()
        return started.value.path().read_text(encoding="utf-8-sig")


@contextmanager
def seated(browser, shop, client, **how):
    """`client` has signed in (tests.web.admin.desk.sitting): its session is this browser's too."""
    context = browser.new_context(base_url=shop, timezone_id="Africa/Nairobi", **(how or DESK))
    context.set_default_timeout(10_000)
    name = client.application.config["SESSION_COOKIE_NAME"]
    if cookie := client.get_cookie(name):
        kept = {"name": name, "value": cookie.value, "domain": "127.0.0.1", "path": "/"}
        context.add_cookies([kept])
    complaints, _ = listen(context)
    yield Seat(context, context.new_page(), complaints)
    context.close()


def looked_at(seat, name, size, *, heard=True):
    """What is wrong with the page that is open, which is kept as a picture. To be heard takes half of the time."""
    page = seat.page
    look.keep(page, SCREENS / size / f"{name.replace(' ', '-')}.png")
    page.evaluate(UNROLLED)
    found = look.at(page) + (look.narrow(page) if size == "360x640" else [])
    if heard:
        page.evaluate(THINNED)
        found += look.heard(page)
    found += seat.complaints
    seat.complaints.clear()
    return [f"{name}: {what}" for what in found if not any(one in what for one in FORGIVEN)]
