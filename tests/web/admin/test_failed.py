"""Failed payments, and new requests for many at once."""

from datetime import timedelta

import html5lib
import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.desk import listing
from app.extensions import db
from app.payments.models import Payment
from tests import factories
from tests.desk import history
from tests.web import forms
from tests.web.admin.desk import send, sitting

FAILED = "/admin/failed/"


@pytest.fixture
def some(app, plan):
    return [
        history.named(history.failed(plan, 1, "insufficient_funds"), "Wanjiru"),
        history.failed(plan, 2, "cancelled"),
        history.failed(plan, 3, "merchant_problem"),
    ]


def text(answer):
    return forms.page(answer).get_text(" ", strip=True)


def payments():
    return db.session.query(Payment).count()


def test_causes_hours_and_what_is_open(app, some):
    answer = sitting(app, "viewer").get(FAILED)
    page = forms.page(answer)
    causes = [li.a.text for li in page.select(".cs li")]
    assert sorted(causes) == ["Cancelled", "Not enough money", "Our settings"]
    table = page.select_one("table.num")
    assert len(table.select("tbody tr")) == 3
    assert len(table.select("thead th")) == 25
    assert sum(int(cell.text) for cell in table.select("td")) == 3
    assert len(page.select("#open tbody tr")) == 2
    assert page.select("input[type=checkbox]") == []  # who looks, chooses nothing


def test_another_time(app, plan):
    history.failed(plan, 1, ago=timedelta(days=5))
    client = sitting(app)
    assert "Nothing failed." in client.get(f"{FAILED}?days=1").text
    assert "Cancelled" in client.get(f"{FAILED}?days=30").text
    assert client.get(f"{FAILED}?days=2").status_code == 400
    assert client.get(f"{FAILED}?before=x").status_code == 400


def test_nothing_failed_is_said(app):
    answer = sitting(app).get(FAILED)
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert "Nothing failed." in answer.text
    assert "Nothing is left." in answer.text


def test_a_request_for_each_of_the_chosen_and_what_came_of_it(app, some, plan):
    waits, _ = factories.pending(plan, history.phone(4), "ws_CO_4")
    waits.ended_at = clock.now()
    waits.move_to("failed", actor="safaricom", reason="cancelled")
    theirs = history.failed(factories.plan(factories.merchant()), 5)
    closed = history.failed(plan, 6)
    closed.invoice.voided_at = clock.now()
    db.session.commit()
    chosen = [some[0].id, waits.id, theirs.id, closed.id, 999_999]
    answer = send(sitting(app, "support"), f"{FAILED}send", FAILED, payment=chosen)
    assert answer.status_code == 200
    html5lib.HTMLParser(strict=True).parse(answer.text)
    said = [li.p.text for li in forms.page(answer).select(".need li")]
    assert said[0] == "Sent."
    assert "Try again in" in said[1]
    assert said[2] == said[4] == "There is no such payment."
    assert said[3] == "What it was for is not owed any more."
    assert "1 of 5 sent" in text(answer)
    new = db.session.scalar(select(Payment).where(Payment.retry_of_id == some[0].id))
    assert new.status == "created"
    assert db.session.query(Payment).filter(Payment.retry_of_id.is_not(None)).count() == 1


def test_a_double_click_sends_once(app, some):
    client = sitting(app, "support")
    before = payments()
    for _ in range(2):
        answer = send(client, f"{FAILED}send", FAILED, payment=[some[0].id, some[0].id])
    assert payments() == before + 1
    assert "sent before" in answer.text


def test_all_that_are_listed(app, some):
    listed = [some[0].id, some[1].id]
    answer = send(sitting(app), f"{FAILED}send", FAILED, listed=listed, all="1")
    assert "2 of 2 sent" in text(answer)


@pytest.mark.parametrize("chosen", [[], ["x"], ["1" * 30], ["\x00"], list(range(1, 52))])
def test_none_or_too_many_are_refused_in_words(app, some, chosen):
    before = payments()
    answer = send(sitting(app), f"{FAILED}send", FAILED, payment=chosen)
    assert answer.status_code == 422
    assert "Choose 1 to 50 payments." in answer.text
    assert payments() == before


def test_viewers_only_look(app, some):
    before = payments()
    answer = send(sitting(app, "viewer"), f"{FAILED}send", FAILED, payment=[some[0].id])
    assert answer.status_code == 403
    assert payments() == before


def test_the_rail_says_how_many_are_open(app, some):
    [link] = forms.page(sitting(app).get(FAILED)).select(f'.nav a[href="{FAILED}"]')
    assert "2 need a person" in link.get_text(" ", strip=True)


def test_older_open_ones_are_a_page_away(app, plan, monkeypatch):
    monkeypatch.setattr(listing, "SIZE", 1)
    for n in (1, 2):
        history.failed(plan, n, ago=timedelta(hours=n))
    client = sitting(app)
    older = forms.page(client.get(FAILED)).find("a", rel="next")["href"]
    page = forms.page(client.get(older.partition("#")[0]))
    assert "•••\u00a0002" in page.find(id="open").text
    assert page.find("a", string="Newest")


def test_a_second_day_sees_the_first_ones_requests(app, some):
    client = sitting(app)
    send(client, f"{FAILED}send", FAILED, payment=[some[0].id])
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        open_now = forms.page(client.get(FAILED)).find(id="open").text
    assert "Wanjiru" not in open_now
