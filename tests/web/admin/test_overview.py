"""The first page of the admin, and the alerts that it leads to."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.extensions import db
from app.jobs import work
from app.payments import alerts as raising
from app.payments.alerts import Alert
from app.payments.states import UNCONFIRMED
from app.watching import incidents
from tests import factories
from tests.desk.telling import NOON, ago, attempt, failing, paid
from tests.web import forms
from tests.web.admin.desk import section, send, sitting


def needs(page):
    return [one.get_text(" ", strip=True) for one in page.select(".need li")]


def alert(plan, says="Look at this."):
    raising.raise_for(attempt(plan, paid), "contradiction", says)
    db.session.commit()
    return db.session.scalars(select(Alert)).one()


def test_a_merchant_without_payments_is_told_so(app):
    text = section(sitting(app, "viewer").get("/admin/"))
    assert "No payments in the last 14 days." in text
    assert "Nothing needs you." in text
    assert "nothing has ended yet" in text


@pytest.fixture
def yesterday_and_today(plan):
    with time_machine.travel(NOON, tick=False):
        with ago(days=1):
            attempt(plan, paid, after=30)
        for body in (paid, paid, failing(1032), failing(1037)):
            attempt(plan, body)
        yield


def test_the_large_numbers(app, yesterday_and_today):
    page = forms.page(sitting(app).get("/admin/"))
    cards = [one.get_text(" ", strip=True) for one in page.select(".kpi")]
    assert cards[0].startswith("Collected today KSh\xa01,500")  # their messages say 14:43 today
    assert cards[1] == "Payments that succeed 50.0% −50.0 pts vs 7 days · technical 66.7%"  # noqa: RUF001
    assert cards[2] == "Time to pay (median) 20 s −10 s 95th: 20 s"  # noqa: RUF001
    assert cards[3] == "Waiting for an answer 0 nobody waits"


def test_the_picture_has_a_title_words_and_a_table(app, yesterday_and_today):
    page = forms.page(sitting(app).get("/admin/"))
    chart = page.find("figure")
    svg = chart.find("svg")
    assert svg["role"] == "img"
    named = [page.find(id=one).get_text(" ", strip=True) for one in svg["aria-labelledby"].split()]
    assert named[0] == "Payments per day, the last 14 days"
    assert "Between 0 and 2 paid a day. Failures peaked at 2 on 21 November." in named[1]
    rows = chart.find("table").find_all("tr")
    assert len(rows) == 15
    assert rows[-1].get_text(" ", strip=True).startswith("21 Nov 2026 2 2 50.0%")
    marks = [rect["class"] for rect in svg.find_all("rect")]
    assert (marks.count(["p"]), marks.count(["f"])) == (2, 1)


def test_causes_have_their_codes(app, yesterday_and_today):
    page = forms.page(sitting(app).get("/admin/"))
    causes = [one.get_text(" ", strip=True) for one in page.select(".cs li")]
    assert causes == ["Cancelled 1032 50%", "Phone not reached 1037 50%"]


def unconfirmed(plan):
    with ago(minutes=7):
        payment = attempt(plan)
        payment.move_to(UNCONFIRMED, actor="sweep")
        db.session.commit()
    return payment


def test_a_need_has_its_one_thing_to_do(app, plan):
    payment = unconfirmed(plan)
    client = sitting(app, "support")
    page = forms.page(client.get("/admin/"))
    [text] = needs(page)
    assert "A payment is unconfirmed" in text
    assert f"{payment.invoice.reference} · KSh 500" in text
    assert "7 min" in text
    [form] = page.select(".need form")
    answer = send(client, form["action"], page="/admin/")
    assert answer.location == f"/admin/payments/{payment.id}/"


def test_whoever_only_looks_gets_a_link_instead(app, plan):
    payment = unconfirmed(plan)
    page = forms.page(sitting(app, "viewer").get("/admin/"))
    assert page.select(".need form") == []
    assert page.select_one(".need a")["href"] == f"/admin/payments/{payment.id}/"


def test_another_merchants_things_need_nobody_here(app):
    unconfirmed(factories.plan(factories.merchant()))
    assert "Nothing needs you." in section(sitting(app).get("/admin/"))


def test_an_alert_is_looked_at_and_resolved_with_a_note(app, plan):
    found = alert(plan)
    client = sitting(app, "support")
    page = forms.page(client.get("/admin/"))
    path = page.select_one(".need a")["href"]
    assert path == f"/admin/alerts/{found.id}"
    assert f"/admin/payments/{found.payment_id}/" in client.get(path).text
    answer = send(client, f"{path}/resolve", page=path, note="  Asked M-PESA.  ")
    assert answer.location == "/admin/"
    after = section(client.get("/admin/"))
    assert "Resolved." in after
    assert "Nothing needs you." in after
    event = select(AuditEvent).where(AuditEvent.action == "alert.resolved")
    told = db.session.scalars(event).one()
    assert told.actor == f"staff:{client.person.id}"
    assert (told.subject_type, told.subject_id) == ("payment", found.payment_id)
    assert told.details == {"kind": "contradiction", "alert": found.id, "note": "Asked M-PESA."}
    assert "Resolved" in section(client.get(path))
    send(client, f"{path}/resolve", page="/admin/account/sessions")
    assert "had resolved it already" in section(client.get("/admin/"))


def test_a_note_is_not_needed_and_holds_no_person(app, plan):
    found = alert(plan)
    client, path = sitting(app), f"/admin/alerts/{found.id}"
    answer = send(client, f"{path}/resolve", page=path, note="Call 0712 345 678")
    assert answer.status_code == 422
    assert forms.page(answer).find(id="note")["aria-invalid"] == "true"
    answer = send(client, f"{path}/resolve", page=path, note="x" * 501)
    assert "At most 500 characters." in section(answer)
    assert send(client, f"{path}/resolve", page=path).status_code == 303
    told = select(AuditEvent.details).where(AuditEvent.action == "alert.resolved")
    assert "note" not in db.session.scalars(told).one()


def test_alerts_of_a_kind_are_a_list_of_their_own(app, plan):
    for n in range(4):
        raising.raise_for(attempt(plan, paid), "short", f"Number {n}.")
    raising.raise_for(attempt(plan, paid), "contradiction", "Other.")
    db.session.commit()
    client = sitting(app, "viewer")
    page = forms.page(client.get("/admin/"))
    path = page.select_one(".need a")["href"]
    assert path == "/admin/alerts/?kind=short"
    text = section(client.get(path))
    assert all(f"Number {n}." in text for n in range(4))
    assert "Other." not in text
    assert "Other." in section(client.get("/admin/alerts/"))
    assert "No open alerts." in section(client.get("/admin/alerts/?kind=void"))


def test_an_alert_without_a_payment_can_be_resolved_too(app, plan):
    made = Alert(merchant_id=plan.merchant_id, kind="odd", text="Odd.", created_at=clock.now())
    db.session.add(made)
    db.session.commit()
    client, path = sitting(app), f"/admin/alerts/{made.id}"
    assert send(client, f"{path}/resolve", page=path).status_code == 303
    subject = select(AuditEvent.subject_type).where(AuditEvent.action == "alert.resolved")
    assert db.session.scalars(subject).one() == "alert"


def test_a_customer_who_pays_is_in_todays_figures_at_once(app, plan, client):
    with time_machine.travel(NOON, tick=False) as traveller:
        desk = sitting(app)
        payment, hook = factories.pending(plan)
        assert "Waiting for an answer 1" in section(desk.get("/admin/"))
        traveller.shift(timedelta(seconds=12))
        factories.deliver(hook, factories.success())
        work.settle_inbox()
        text = section(desk.get("/admin/"))
    assert "Collected today KSh\xa0500" in text
    assert "Time to pay (median) 12 s" in text
    assert payment.id


def test_a_condition_that_holds_for_the_merchant_needs_its_staff(app, plan):
    found = incidents.Found("CallbacksSilent", plan.merchant_id, "Prompts go out.")
    incidents.note([found], ())
    db.session.commit()
    client = sitting(app)
    assert needs(forms.page(client.get("/admin/")))[0].startswith(
        "Callbacks silent Prompts go out."
    )
    other = sitting(app, merchant=factories.merchant())
    assert "Nothing needs you." in other.get("/admin/").text
