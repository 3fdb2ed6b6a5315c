"""The list of payments, and one of them, as staff meet them."""

import csv
from datetime import timedelta
from io import StringIO

import html5lib
import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.desk import listing
from app.desk.models import Note, SavedView
from app.extensions import db
from app.payments.models import Payment
from app.staff import ROLES
from tests import factories
from tests.desk import history
from tests.web import forms
from tests.web.admin.desk import hire, send, sit, sitting

LIST = "/admin/payments/"


def shown(answer):
    """The customers of the rows, from top to bottom."""
    return [link.contents[0].strip() for link in forms.page(answer).select("#rows a.open")]


def phone(number):
    return f"0712\u00a0•••\u00a0{number:03}"


def events(action):
    return db.session.scalars(select(AuditEvent).where(AuditEvent.action == action)).all()


@pytest.fixture
def three(app, plan):
    """The newest first: 1 was paid, 2 failed, 3 failed yesterday."""
    minute = timedelta(minutes=1)
    return [
        history.named(history.paid(plan, 1, ago=minute), "Wanjiru Kamau"),
        history.failed(plan, 2, "wrong_pin", ago=2 * minute),
        history.failed(plan, 3, ago=timedelta(days=1)),
    ]


def test_the_newest_come_first_masked_and_named(app, three):
    answer = sitting(app, "viewer").get(LIST)
    assert shown(answer) == ["Wanjiru Kamau", phone(2), phone(3)]
    text = forms.page(answer).get_text(" ", strip=True)
    assert phone(1) in text
    assert "TKL4H7Q2MX" in text
    assert "Wrong PIN" in text
    assert "0712000001" not in answer.text
    assert "254712000001" not in answer.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=paid", 1),
        ("status=failed", 2),
        ("status=failed&reason=wrong_pin", 1),
        ("days=7", 3),
        ("plan=standard", 3),
        ("amount=999", 0),
        ("q=wanjiru", 1),
        ("q=tkl4h7q2mx", 1),
        ("q=tkl4h7q2mx&status=failed", 0),
        ("q=%00", 3),
        ("q=a%00%FF%F0%9F%92%B0'", 0),
    ],
)
def test_filters_alone_and_together(app, three, query, expected):
    assert len(shown(sitting(app).get(f"{LIST}?{query}"))) == expected


def test_tabs_count_what_is_under_them(app, three):
    page = forms.page(sitting(app).get(LIST))
    tabs = [tab.get_text(" ", strip=True) for tab in page.select(".tabs a")]
    assert tabs == ["All 3", "Paid 1", "Failed 2", "Waiting 0", "Unconfirmed 0"]


def test_no_phone_number_gets_into_an_address(app, three):
    client = sitting(app)
    sent = send(client, f"{LIST}find", LIST, q="0712 000 002", status="failed")
    assert sent.status_code == 303
    assert sent.location == f"{LIST}?status=failed&phone={three[1].id}"
    found = client.get(sent.location)
    assert shown(found) == [phone(2)]
    assert f"Phone {phone(2)}" in found.text
    typed = client.get(f"{LIST}?q=%2B254+712+000002&status=failed")
    assert typed.location == sent.location


def test_a_search_takes_the_place_of_the_phone_before(app, three):
    sent = send(sitting(app), f"{LIST}find", LIST, q="Wanjiru", phone="2", days="")
    assert sent.location == f"{LIST}?q=Wanjiru"


@pytest.mark.parametrize(
    "query", ["days=90", "from=2026-02-30", "to=tomorrow", "amount=0", "plan=x%00y", "reason=none"]
)
def test_a_wrong_filter_is_said_in_words_and_shows_no_list(app, three, query):
    answer = sitting(app).get(f"{LIST}?{query}")
    assert answer.status_code == 400
    page = forms.page(answer)
    [link] = page.select(".problem a")
    assert page.select_one(link["href"]) is not None
    assert page.find(id="rows") is None
    assert "Error:" in page.title.text


@pytest.mark.parametrize("place", ["before=x", "before=", "after=1-2-3", "before=1-%00"])
def test_a_page_that_cannot_be_is_said_in_words(app, three, place):
    answer = sitting(app).get(f"{LIST}?{place}")
    assert answer.status_code == 400
    assert "go back" in answer.text


def test_older_and_newer_keep_the_filters(app, plan, monkeypatch):
    monkeypatch.setattr(listing, "SIZE", 2)
    monkeypatch.setattr(listing.page, "__defaults__", (None, 2))
    for n in range(5):
        history.failed(plan, n, ago=timedelta(minutes=n))
    client = sitting(app)
    first = forms.page(client.get(f"{LIST}?status=failed"))
    older = first.find("a", rel="next")["href"]
    assert "status=failed" in older
    assert first.find("a", rel="prev") is None
    second = client.get(older)
    assert shown(second) == [phone(2), phone(3)]
    newer = forms.page(second).find("a", rel="prev")["href"]
    assert shown(client.get(newer)) == [phone(0), phone(1)]


def test_the_newest_page_keeps_itself_up_to_date_and_swaps_only_news(app, three, plan):
    client = sitting(app)
    rows = forms.page(client.get(LIST)).find(id="rows")
    assert rows["hx-trigger"] == "every 10s"
    poll = {"path": rows["hx-get"], "headers": {"HX-Request": "true"}}
    assert client.get(**poll).status_code == 204
    history.failed(plan, 9)
    news = client.get(**poll)
    html5lib.HTMLParser(strict=True).parseFragment(news.text)
    assert phone(9) in news.text
    assert "<html" not in news.text
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        late = client.get(**poll)
        assert late.status_code == 200
        assert "hx-trigger" not in late.text


def test_an_older_page_stands_still(app, three):
    at = f"{LIST}?before={int(clock.now().timestamp() * 1e6)}-1"
    assert "hx-trigger" not in sitting(app).get(at).text


def test_nothing_yet_and_nothing_fitting_are_told_apart(app):
    client = sitting(app)
    assert "No payments yet" in client.get(LIST).text
    assert "No payment fits" in client.get(f"{LIST}?status=paid").text
    assert "Search by a whole receipt" in client.get(f"{LIST}?q=zzz").text


def test_names_are_text(app, plan):
    history.named(history.failed(plan), "<script>alert(1)</script>")
    assert "<script>alert" not in sitting(app).get(LIST).text


def test_another_merchants_payments_are_not_theirs(app, three):
    theirs = history.named(history.failed(factories.plan(factories.merchant()), 7), "Otieno")
    client = sitting(app, "owner")
    assert "Otieno" not in client.get(LIST).text
    for q in ("Otieno", theirs.invoice.reference, theirs.token):
        assert shown(client.get(f"{LIST}?q={q}")) == []
    assert shown(client.get(f"{LIST}?phone={theirs.id}")) == []
    assert client.get(f"{LIST}?merchant=duka").status_code == 404
    assert client.get(f"{LIST}?merchant=nobody").status_code == 404
    assert client.get(f"{LIST}{theirs.id}/").status_code == 404


def test_an_operator_looks_over_another_merchants_list_and_that_merchant_can_see_it(app, three):
    duka = factories.merchant()
    history.named(history.failed(factories.plan(duka), 7), "Otieno")
    answer = sitting(app, "operator").get(f"{LIST}?merchant=duka")
    page = forms.page(answer)
    assert "Otieno" in page.find(id="rows").get_text()
    assert shown(answer) == []  # to open one, they act for them
    assert "Act for Duka Mbili" in page.get_text(" ", strip=True)
    assert [event.merchant_id for event in events("merchant.operator_looked")] == [duka.id]
    assert sitting(app, "operator").get(f"{LIST}?merchant=nobody").status_code == 404


def exported(client, query=""):
    return send(client, f"{LIST}export.csv?{query}", LIST)


def test_the_list_as_a_file(app, three):
    answer = exported(sitting(app, "finance"), "status=failed")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.is_streamed
    rows = list(csv.DictReader(StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert [row["Phone"] for row in rows] == [phone(2), phone(3)]


def test_what_leaves_the_house_is_in_the_log_without_a_person(app, three):
    client = sitting(app, "finance")
    exported(client, "status=paid&q=Wanjiru&days=7")
    [event] = events("payments.exported")
    assert event.actor == f"staff:{client.person.id}"
    assert event.details == {"filters": {"status": "paid", "days": "7"}, "searched": True}


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_not_everybody_takes_the_list_home(app, three, role):
    client = sitting(app, role)
    assert exported(client).status_code == 403
    assert "Export" not in client.get(LIST).text
    assert events("payments.exported") == []


def test_a_file_of_a_wrong_filter_is_none(app, three):
    assert exported(sitting(app), "days=90").status_code == 400
    assert events("payments.exported") == []


def test_a_view_is_saved_listed_and_deleted(app, three):
    client = sitting(app, "viewer")
    page = f"{LIST}?status=failed&days=7"
    saved = send(client, f"{LIST}views", page, name="Failed", query="status=failed&days=7&x=1")
    assert saved.location == page
    shown = forms.page(client.get(saved.location))
    [link] = shown.select(".views a")
    assert (link.text, link["href"], link["aria-current"]) == ("Failed", page, "page")
    assert send(client, f"{LIST}views", page, name="Failed", query="status=paid").status_code == 303
    assert "already" in client.get(LIST).text
    view_id = db.session.scalar(select(SavedView.id))
    other = sitting(app, "viewer")
    assert send(other, f"{LIST}views/{view_id}/delete", LIST).status_code == 404
    send(client, f"{LIST}views/{view_id}/delete", LIST)
    assert db.session.query(SavedView).count() == 0


def one(payment):
    return f"{LIST}{payment.id}/"


def test_the_page_of_one_tells_its_story(app, three):
    page = forms.page(sitting(app, "viewer").get(one(three[0])))
    text = page.get_text(" ", strip=True)
    for told in (
        "Payment asked for",
        "A message came",
        "KSh 500 booked",
        "Wanjiru Kamau",
        phone(1),
    ):
        assert told in text
    assert page.select("details pre")
    assert "712000001" not in text
    assert page.select("form[action*=ask], form[action*=again], form[action*=notes]") == []


def test_asking_now(app, plan):
    payment, _ = factories.pending(plan)
    client = sitting(app, "support")
    answer = send(client, f"{one(payment)}ask", one(payment))
    assert answer.location == one(payment)
    assert factories.fresh(payment.id).question_rank == 0
    assert "being asked" in client.get(answer.location).text


def test_what_cannot_be_asked_is_said_in_words(app, three):
    client = sitting(app, "support")
    answer = send(client, f"{one(three[0])}ask", one(three[0]))
    assert answer.status_code == 422
    assert "It is paid" in answer.text
    html5lib.HTMLParser(strict=True).parse(answer.text)


def test_a_new_request_leads_to_its_own_page(app, three):
    client = sitting(app, "support")
    answer = send(client, f"{one(three[2])}again", one(three[2]))
    new = db.session.scalar(select(Payment).where(Payment.retry_of_id == three[2].id))
    assert answer.location == one(new)
    twice = send(client, f"{one(three[2])}again", one(three[2]))
    assert twice.location == one(new)
    assert "sent before" in client.get(twice.location).text


def test_a_phone_that_has_to_wait_is_said_in_words(app, plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    payment.ended_at = clock.now()
    payment.move_to("failed", actor="safaricom", reason="cancelled")
    db.session.commit()
    answer = send(sitting(app, "support"), f"{one(payment)}again", one(payment))
    assert answer.status_code == 422
    assert "Try again in" in answer.text
    assert db.session.query(Payment).count() == 1


def test_a_note_is_kept_under_a_name(app, three):
    client = sit(app.test_client(), hire("support", name="Amina <b>"))
    send(client, f"{one(three[0])}notes", one(three[0]), text="<i>Called</i>\nagain")
    answer = client.get(one(three[0]))
    assert "&lt;i&gt;Called&lt;/i&gt;\nagain" in answer.text
    assert "Amina &lt;b&gt;" in answer.text
    empty = send(client, f"{one(three[0])}notes", one(three[0]), text=" ")
    assert empty.status_code == 422
    assert "Write 1 to" in empty.text
    assert db.session.query(Note).count() == 1


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("act", ["ask", "again", "notes"])
def test_viewers_only_look(app, three, role, act):
    answer = send(sitting(app, role), f"{one(three[1])}{act}", LIST, text="x")
    assert (answer.status_code == 403) == (role == "viewer")


@pytest.mark.parametrize("path", ["", "ask", "again", "notes"])
def test_anothers_payment_answers_like_one_that_is_not(app, three, path):
    theirs = factories.bought(factories.plan(factories.merchant()), history.phone(8))
    client = sitting(app, "owner")
    for payment_id in (theirs.id, 999_999, 2**70):
        where = f"{LIST}{payment_id}/{path}"
        answer = send(client, where, LIST, text="x") if path else client.get(where)
        assert answer.status_code == 404


def test_matching_by_hand_is_offered_to_whoever_may_do_it(app, three):
    found = "by hand" in sitting(app, "finance").get(one(three[1])).text
    there = any(
        rule.rule.endswith("/payments/<int:payment_id>/match") for rule in app.url_map.iter_rules()
    )
    assert found == there
    assert "by hand" not in sitting(app, "viewer").get(one(three[1])).text
