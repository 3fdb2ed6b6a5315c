"""Analytics, as a page and as files."""

import csv
import gzip
from io import StringIO
from pathlib import Path

import html5lib
import pytest
import time_machine
from bs4 import BeautifulSoup

import config
from app.desk import counting
from app.extensions import db
from tests import factories
from tests.desk.telling import NOON, ago, attempt, failing, found_by_asking, ours, paid
from tests.web import forms
from tests.web.admin.desk import section, send, sitting

PATH = "/admin/analytics/"
STYLES = Path(config.__file__).parent / "app/static/figures.css"
LIGHT = 12 * 1024  # of the 40 KB that ux.md allows with everything


@pytest.fixture
def history(plan):
    with time_machine.travel(NOON, tick=False):
        with ago(days=40):
            attempt(plan, paid)
        with ago(days=10):
            attempt(plan, failing(1))
            found_by_asking(attempt(plan, failing(1037)))
        attempt(plan, paid)
        yield


def heading(page, name):
    return page.find(id=name).find_parent("section")


def test_without_payments_it_says_so(app):
    text = section(sitting(app, "viewer").get(PATH))
    assert "No payments in these days." in text
    assert "No subscriptions." in text


def test_everything_is_there_in_pictures_and_numbers(app, history):
    page = forms.page(sitting(app, "viewer").get(PATH))
    titles = [one.get_text(" ", strip=True) for one in page.select("main .panel > h2")]
    for title in (
        "Over time",
        "From asking to paid",
        "Time to pay",
        "How long M-PESA’s message takes",  # noqa: RUF001
        "By hour",
        "By weekday",
        "By plan",
        "By try",
        "Codes over time",
        "Subscriptions",
    ):
        assert any(one.startswith(title) for one in titles), (title, titles)
    assert len(page.select("figure svg[role=img]")) == 4
    ids = [one["id"] for one in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    kpis = [one.get_text(" ", strip=True) for one in page.select(".kpi")]
    assert kpis[1].startswith("Payments that succeed 66.7%")
    assert kpis[3] == "Monthly recurring revenue KSh\xa01,000 2 active · 2 new · 1 lapsed"
    funnel = [one.get_text(" ", strip=True) for one in heading(page, "funnel").select("li")]
    assert funnel[0] == "Asked 100.0% 3"
    assert funnel[-1] == "Paid 66.7% 2"
    delays = heading(page, "delays").get_text(" ", strip=True)
    assert "1 found only by asking" in delays
    assert "1 paid after they had failed: KSh\xa0500" in delays


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", "3"),
        ("?days=7", "1"),
        ("?days=90", "4"),
        ("?days=365", "4"),
        ("?days=nonsense", "3"),
        ("?from=2026-10-01&to=2026-10-31", "1"),
        ("?from=2026-11-11&to=2026-11-11", "2"),
        ("?from=2026-11-21&to=2026-11-11", "3"),
        ("?from=nonsense", "3"),
        ("?from=2026-11-11&to=2999-01-01", "3"),
        ("?from=2008-01-01&to=2026-11-21", "4"),
        ("?to=2026-01-01", "3"),
    ],
)
def test_the_days_are_chosen(app, history, query, asked):
    page = forms.page(sitting(app, "viewer").get(f"{PATH}{query}"))
    first = heading(page, "funnel").select_one("li b")
    assert first.get_text(strip=True) == asked


def test_other_days_are_asked_for_with_a_form(app, history):
    client = sitting(app, "viewer")
    answer = send(client, f"{PATH}find", page=PATH, **{"from": "2026-10-01", "to": "2026-10-31"})
    assert answer.location == f"{PATH}?from=2026-10-01&to=2026-10-31"
    page = forms.page(client.get(answer.location))
    assert page.find(id="from")["value"] == "2026-10-01"
    assert page.select(".tabs [aria-current]") == []
    assert send(client, f"{PATH}find", page=PATH, **{"from": "x"}).location == PATH


def test_every_table_is_a_file(app, history):
    client = sitting(app, "viewer")
    page = forms.page(client.get(PATH))
    links = [one["href"] for one in page.find_all("a", download=True)]
    assert len(links) == 11
    for link in links:
        answer = client.get(link)
        assert answer.content_type == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["Content-Disposition"]
        rows = list(csv.reader(StringIO(answer.text.removeprefix("\ufeff"))))
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}


def test_a_table_that_is_none_is_not_there(app):
    client = sitting(app)
    assert client.get(f"{PATH}?format=csv&table=nonsense").status_code == 404
    assert client.get(f"{PATH}?format=csv").status_code == 404


def test_the_page_says_the_same_when_the_days_are_counted_ahead(app, history):
    client = sitting(app)
    live = section(client.get(PATH))
    counting.count(ours())
    db.session.commit()
    assert section(client.get(PATH)) == live


def test_another_merchants_figures_are_theirs(app):
    attempt(factories.plan(factories.merchant()), paid)
    assert "No payments in these days." in section(sitting(app).get(PATH))


@pytest.mark.parametrize("days", ["7", "30", "365"])
def test_it_is_valid_and_light(app, history, days):
    html = sitting(app).get(f"{PATH}?days={days}").text
    html5lib.HTMLParser(strict=True).parse(html)
    assert len(gzip.compress(html.encode())) <= LIGHT
    page = BeautifulSoup(html, "html5lib")
    ids = [one["id"] for one in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert all(set(svg["aria-labelledby"].split()) <= set(ids) for svg in page.select("figure svg"))
    assert not page.find_all(["style", "script"])
    assert not page.find_all(style=True)
    assert len(gzip.compress(STYLES.read_bytes())) <= LIGHT


def test_nobodys_number_is_on_it(app, history):
    assert "71300" not in sitting(app).get(PATH).text
