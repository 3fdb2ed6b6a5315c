"""The audit log, as a page and as files."""

import csv
import json
from io import StringIO

import pytest
from sqlalchemy import select, text

from app import audit, merchants
from app.audit import AuditEvent
from app.desk import chain, trail
from app.extensions import db
from app.web.admin import trail_words
from tests import factories
from tests.desk.telling import attempt, ours, paid
from tests.web import forms
from tests.web.admin.desk import hire, section, send, sitting

PATH = "/admin/audit/"


@pytest.fixture
def payment(plan):
    return attempt(plan, paid)


def rows(answer):
    return [one.get_text(" ", strip=True) for one in forms.page(answer).select("main tbody tr")]


def actions():
    db.session.expire_all()
    return db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()


def record(action="test.happened", **details):
    audit.record(merchants.named("default"), action, actor="test", **details)
    db.session.commit()


def test_it_is_told_in_words_newest_first(app, payment):
    client = sitting(app, "viewer")
    told = rows(client.get(PATH))
    assert any("Payment asked for Customer payment 1 amount KSh\xa0500" in one for one in told)
    assert any("Paid M-PESA payment 1" in one and "late no" in one for one in told)
    assert any("Subscription extended Malipo subscription 1" in one for one in told)
    assert told[0].count("Staff created") == 1
    page = forms.page(client.get(PATH))
    assert page.select_one(f'a[href="/admin/payments/{payment.id}/"]')


def test_details_are_names_and_values_and_raw_only_when_unfolded(app):
    record(
        limits={"most": 3, "least": None},
        names=["a", "b"],
        price=1499,
        done=True,
        at="2026-11-21T11:43:00+00:00",
        nothing=[],
    )
    [told] = [one for one in rows(sitting(app).get(PATH)) if "Test happened" in one]
    shown = told.split("Raw")[0]
    assert "at 21 Nov 2026 14:43" in shown
    assert "done yes" in shown
    assert "limits most 3" in shown
    assert "names a, b" in shown
    assert "price KSh\xa01,499" in shown
    assert "least" not in shown
    assert "nothing" not in shown
    assert "{" not in shown


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ("?who=customer", "Payment asked for", "Paid M-PESA"),
        ("?who=safaricom", "Paid M-PESA", "Payment asked for"),
        ("?action=payment", "Payment asked for", "Subscription extended"),
        ("?about=subscription+1", "Subscription extended", "Payment asked for"),
        ("?from=2020-01-01&to=2999-01-01", "Payment asked for", "nothing at all"),
        ("?to=2020-01-01", "", "Payment asked for"),
        ("?from=nonsense", "Payment asked for", "nothing at all"),
    ],
)
def test_it_is_filtered(app, payment, query, there, gone):
    told = " ".join(rows(sitting(app, "viewer").get(f"{PATH}{query}")))
    assert there in told
    assert gone not in told


def test_the_form_becomes_an_address(app, payment):
    client = sitting(app, "viewer")
    answer = send(client, f"{PATH}find", page=PATH, who="customer", about=" ", action="", to="x")
    assert answer.location == f"{PATH}?who=customer&to=x"
    account = payment.invoice.reference
    answer = send(client, f"{PATH}find", page=PATH, about=account)
    told = rows(client.get(answer.location))
    assert any("Payment asked for" in one for one in told)
    assert not any("Plan created" in one for one in told)


def test_what_nobody_understands_is_explained(app):
    answer = sitting(app).get(f"{PATH}?about=who+did+it")
    assert answer.status_code == 422
    assert forms.page(answer).find(id="about")["aria-invalid"] == "true"
    assert "No events." in section(sitting(app).get(f"{PATH}?about=MA-0000000"))


def test_it_goes_on_to_older_pages(app, monkeypatch):
    monkeypatch.setattr(trail, "SIZE", 5)
    for n in range(12):
        record(n=n)
    client = sitting(app)
    page = forms.page(client.get(PATH))
    seen = []
    while older := page.find("a", rel="next"):
        seen += page.select("main tbody tr")
        page = forms.page(client.get(older["href"]))
    seen += page.select("main tbody tr")
    assert len(seen) == chain.length(ours())
    assert page.find("a", string="Newest")


def test_a_long_search_says_how_far_it_looked(app, monkeypatch):
    monkeypatch.setattr(trail, "STRETCH", 2)
    for n in range(5):
        record(n=n)
    text = section(sitting(app).get(f"{PATH}?action=dispute."))
    assert "Looked back to" in text
    assert "Look further back" in text


def test_it_is_whole_or_it_is_not(app, payment):
    client = sitting(app, "finance")
    assert "Not checked yet" in section(client.get(PATH))
    send(client, f"{PATH}check", page=PATH)
    checked = section(client.get(PATH))
    assert "The log is whole." in checked
    assert "Nothing was changed, left out or cut off." in checked
    db.session.execute(text("set local session_replication_role = replica"))
    db.session.execute(text("update audit_event set actor = 'x' where seq = 2"))
    db.session.commit()
    send(client, f"{PATH}check", page=PATH)
    broken = section(client.get(PATH))
    assert "Event 2 was changed." in broken
    assert "Broken" in broken
    assert "The audit log was tampered with" in section(client.get("/admin/"))


def test_a_long_log_is_checked_by_and_by(app, payment, monkeypatch):
    monkeypatch.setattr(chain, "SHORT", 3)
    client = sitting(app)
    send(client, f"{PATH}check", page=PATH)
    text = section(client.get(PATH))
    assert "A check is going on" in text
    assert chain.going_on() == ours()


def test_whoever_only_looks_checks_and_takes_nothing(app, payment):
    page = forms.page(sitting(app, "viewer").get(PATH))
    assert [one["action"] for one in page.select("main form")] == [f"{PATH}find"]


def export(client, kind="csv", query=""):
    return send(client, f"{PATH}export{query}", page=PATH, format=kind)


def test_it_is_taken_along_as_a_file_which_is_written_down(app, payment):
    client = sitting(app)
    answer = export(client)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "audit-default-" in answer.headers["Content-Disposition"]
    lines = list(csv.reader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert lines[0][0] == "Number"
    assert [int(line[0]) for line in lines[1:]] == list(range(1, len(lines)))
    assert lines[-1][3] == "audit.exported"
    assert actions()[-1] == "audit.exported"


def test_json_lines_hold_what_the_filters_say(app, payment):
    answer = export(sitting(app), "jsonl", "?who=customer&action=payment.")
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [event["action"] for event in events] == ["payment.created"]
    assert events[0]["details"] == {"amount": 500}
    assert len(events[0]["hash"]) == 64
    told = select(AuditEvent.details).where(AuditEvent.action == "audit.exported")
    assert db.session.scalars(told).one() == {"filters": {"who": "customer", "action": "payment."}}


def test_another_format_or_a_question_that_nobody_understands(app):
    client = sitting(app)
    assert export(client, "pdf").status_code == 400
    assert export(client, "csv", "?about=who+did+it").status_code == 422
    assert "audit.exported" not in actions()


def test_an_operator_reads_another_merchants_log_and_is_seen(app, payment):
    duka = factories.merchant()
    client = sitting(app, "operator")
    assert "Merchant created" in " ".join(rows(client.get(f"{PATH}?merchant={duka.slug}")))
    query = select(AuditEvent).where(AuditEvent.merchant_id == duka.id)
    seen = db.session.scalars(query.order_by(AuditEvent.id.desc())).first()
    assert (seen.action, seen.actor) == (
        "merchant.operator_looked",
        f"staff:{client.person.id}",
    )
    assert client.get(f"{PATH}?merchant=nobody").status_code == 404


def test_an_owner_has_one_house(app):
    duka = factories.merchant()
    assert sitting(app).get(f"{PATH}?merchant={duka.slug}").status_code == 404
    assert sitting(app).get(f"{PATH}?merchant=default").status_code == 200


def test_another_merchants_events_are_not_there(app):
    attempt(factories.plan(factories.merchant()), paid)
    assert "Payment asked for" not in section(sitting(app).get(PATH))


def test_what_an_event_is_about_can_be_opened(app):
    """Each page of the table exists, and takes the id under that name."""
    client = sitting(app, "operator")
    for subject in trail_words.PAGES:
        row = type("Row", (), {"__tablename__": subject, "id": 7, "merchant_id": ours()})()
        audit.record(row, "test.happened", actor="test")
    db.session.commit()
    links = {a["href"] for a in forms.page(client.get(PATH)).select("main td a")}
    assert len([link for link in links if "/7" in link]) == len(trail_words.PAGES)


def test_staff_are_called_by_their_names(app):
    owner, juma = sitting(app), hire("support", name="Juma Otieno")
    audit.record(juma, "staff.tested", actor=f"staff:{owner.person.id}")
    db.session.commit()
    [told] = [one for one in rows(owner.get(PATH)) if "Staff tested" in one]
    assert owner.person.email in told
    assert "Juma Otieno" in told
