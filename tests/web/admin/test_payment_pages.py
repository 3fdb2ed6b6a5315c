"""The pages about payments, as a browser, a screen reader and a slow network meet them."""

import gzip
from datetime import timedelta

import html5lib
import pytest
from bs4 import BeautifulSoup

from tests.desk import history
from tests.web.admin.desk import send, sitting

PAGES = [
    "/admin/payments/",
    "/admin/payments/?status=failed&days=7&plan=standard&amount=500&reason=cancelled&from=2026-01-01",
    "/admin/payments/?q=Wanjiru",
    "/admin/payments/?q=nobody",
    "/admin/payments/?from=x&amount=y&plan=z",
    "/admin/payments/1/",
    "/admin/payments/2/",
    "/admin/failed/",
    "/admin/failed/?days=1",
]
WHOLE = 40 * 1024  # ux.md §10, with everything
BESIDES = 20 * 1024  # the stylesheet and htmx


@pytest.fixture(params=[*PAGES, "sent", "refused"])
def html(request, app, plan):
    history.named(history.paid(plan, 1), "Wanjiru & Sons <b>")
    for n in range(2, 30):
        history.failed(plan, n, ago=timedelta(minutes=n))
    client = sitting(app, "operator")
    view = {"name": "Failed", "query": "status=failed"}
    send(client, "/admin/payments/views", "/admin/payments/?status=failed", **view)
    return (ODD.get(request.param) or usual)(client, request.param).text


def usual(client, path):
    return client.get(path)


ODD = {
    "sent": lambda client, _: send(
        client, "/admin/failed/send", "/admin/failed/", payment=["2", "1"]
    ),
    "refused": lambda client, _: send(client, "/admin/payments/1/again", "/admin/payments/1/"),
}


def test_a_page_is_valid_labelled_light_and_has_nothing_inline(html):
    html5lib.HTMLParser(strict=True).parse(html)
    assert len(gzip.compress(html.encode())) <= WHOLE - BESIDES
    page = BeautifulSoup(html, "html5lib")
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(page.find_all("h1")) == 1
    assert len(ids) == len(set(ids))
    for name in ("aria-describedby", "aria-labelledby", "for"):
        for element in page.find_all(attrs={name: True}):
            assert set(element[name].split()) <= set(ids), element
    for field in page.select("input:not([type=hidden]), select, textarea"):
        assert field.find_parent("label") or page.find("label", attrs={"for": field["id"]})
    for form in page.find_all("form"):
        assert form["method"] == "post"
        assert form.find("input", attrs={"name": "csrf_token"})["value"]
    for button in page.select("button, a[href]"):
        assert button.get_text(strip=True)
    nothing_is_inline(page)
    assert "<b>" not in page.title.text
    assert "& Sons <b>" not in html


def nothing_is_inline(page):
    assert all(script["src"].startswith("/static/") for script in page.find_all("script"))
    for element in page.find_all():
        assert not {name for name in element.attrs if name.startswith(("on", "style", "hx-on"))}
