"""The pages for money by hand, as finance meets them."""

import gzip
from datetime import timedelta

import html5lib
import pytest
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.billing import subscriptions
from app.extensions import db
from app.jobs import work
from app.payments import booking, schedule, statement_file
from app.payments.dispute_models import Dispute
from app.payments.models import Receipt
from app.payments.staff_models import DailyClose, MatchProposal, Reallocation, Statement
from tests import factories
from tests.payments import by_hand
from tests.web import forms
from tests.web.admin import money
from tests.web.admin.desk import section, send, sitting
from tests.web.admin.money import HOME, close_url, customer, move_url, upload

CODE = "TKL4H7Q2MX"
LIGHT = 5 * 1024


@pytest.fixture
def finance(app):
    return sitting(app, "finance")


@pytest.fixture
def unconfirmed(plan):
    return money.unconfirmed(plan)


def last_event():
    return db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()


def told_of(client, **data):
    """What a page says after the redirect."""
    return section(client.get(data["answer"].location))


# ── what wants somebody ──


def test_when_all_is_well_the_page_says_so(finance):
    said = section(finance.get(HOME))
    assert "Nothing is unconfirmed." in said
    assert "Every shilling has an owner." in said
    assert "Not signed" in said


def test_what_is_unconfirmed_is_shown_with_its_age_and_asked_about(finance, unconfirmed):
    unconfirmed.created_at -= timedelta(minutes=7)
    payment_id = unconfirmed.id
    db.session.commit()
    page = finance.get(HOME)
    said = section(page)
    assert unconfirmed.invoice.reference in said
    assert "7 min" in said
    assert "0712\u00a0•••\u00a0678" in said
    answer = send(finance, f"/admin/reconciliation/ask/{payment_id}", HOME)
    assert answer.location == HOME
    payment = factories.fresh(payment_id)
    assert payment.question_rank == schedule.URGENT
    assert last_event().actor == f"staff:{finance.person.id}"


def test_a_number_under_a_key_that_is_gone_takes_no_page_away(finance, unconfirmed):
    case = money.open_case(finance, unconfirmed)
    unconfirmed.phone_sealed = b"\x01"
    db.session.commit()
    payment = f"/admin/payments/{unconfirmed.id}/"
    for path in (HOME, payment, f"{payment}match", "/admin/disputes/", case, f"{case}/evidence"):
        assert "Number unreadable" in section(finance.get(path)), path


def test_the_rail_counts_what_wants_a_person(finance, unconfirmed):
    by_hand.suspended()
    unconfirmed.created_at -= timedelta(minutes=7)
    db.session.commit()
    [link] = [a for a in forms.page(finance.get(HOME)).select(".nav a") if "Recon" in a.text]
    assert link.get_text(" ", strip=True) == "Reconciliation 2 need a person"


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_only_looks_sees_no_way_to_move_money(app, unconfirmed, role):
    receipt = by_hand.suspended()
    client = sitting(app, role)
    for path in (
        HOME,
        f"/admin/reconciliation/receipts/{receipt.id}/",
        "/admin/reconciliation/report",
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert not {"Match", "Allocate", "Book it", "Go on"} & set(section(page).split())


# ── statements ──


def test_a_statement_is_sent_and_compared(finance):
    answer = upload(finance, by_hand.csv(by_hand.row(account="JANE")))
    assert answer.status_code == 303
    report = finance.get(answer.location)
    said = section(finance.get(report.location))
    assert "1 new lines." in said
    assert CODE in said
    assert "Book it" in said
    listed = section(finance.get("/admin/reconciliation/statements"))
    assert "november.csv" in listed


def test_a_large_statement_is_taken(finance):
    rows = [by_hand.row(f"TKL{n:07}", account="MA-7K3Q9DX") for n in range(600)]
    content = by_hand.csv(*rows)
    assert len(content) > 64 * 1024
    assert upload(finance, content).status_code == 303


def test_a_file_that_is_too_large_is_refused_in_words(finance):
    sent = b"x" * (statement_file.LARGEST + 100_000)
    kind = "multipart/form-data; boundary=x"
    answer = finance.post("/admin/reconciliation/statements", data=sent, content_type=kind)
    assert answer.status_code == 413
    assert "at most 5 MB" in answer.text


def test_only_that_page_takes_more_than_usual(finance):
    big = "x" * 70_000
    answer = finance.post("/admin/reconciliation/report", data={"csrf_token": big})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Choose the CSV file"),
        (b"hello", "organisation statement"),
        (by_hand.csv(by_hand.row(paid_in="free")), "Line 6, Paid In: not an amount"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(finance, content, why):
    answer = upload(finance, content)
    assert answer.status_code == 422
    assert why in forms.page(answer).get_text()
    assert forms.page(answer).title.text.strip().startswith("Error:")
    assert db.session.scalar(select(Statement.id)) is None


def test_a_line_is_booked_from_the_report(finance):
    upload(finance, by_hand.csv(by_hand.row(account="JANE")))
    url = f"/admin/reconciliation/lines/{by_hand.line().id}/book"
    first = send(finance, url, "/admin/reconciliation/report")
    assert "KSh\u00a0500 in suspense" in section(finance.get(first.location))
    assert send(finance, url, "/admin/reconciliation/report").location == first.location
    assert booking.in_suspense()[0][1] == 500


def test_a_line_that_cannot_be_booked_says_why(finance):
    upload(finance, by_hand.csv(by_hand.row(paid_in="499.50")))
    url = f"/admin/reconciliation/lines/{by_hand.line().id}/book"
    answer = send(finance, url, "/admin/reconciliation/report")
    assert "whole shillings" in told_of(finance, answer=answer)


def test_a_missing_number_is_given(finance, unconfirmed):
    by_hand.says_paid(unconfirmed.id)
    upload(finance, by_hand.csv(by_hand.row(account=unconfirmed.invoice.reference)))
    assert "Give the number" in section(finance.get("/admin/reconciliation/report"))
    url = f"/admin/reconciliation/lines/{by_hand.line().id}/number"
    sent = forms.fields(finance.get(url), url)
    assert finance.post(url, data=sent | {"reason": ""}).status_code == 422
    for _ in range(2):
        assert finance.post(url, data=sent | {"reason": "it fits"}).status_code == 303
    assert db.session.scalars(select(Receipt)).one().code == CODE
    assert "There is nothing to do." in section(finance.get(url))


def test_the_reports_days_are_chosen(finance):
    answer = send(
        finance, "/admin/reconciliation/report", **{"from": "2026-11-01", "to": "2026-11-03"}
    )
    page = forms.page(finance.get(answer.location))
    assert [field["value"] for field in page.select("input[type=date]")] == [
        "2026-11-01",
        "2026-11-03",
    ]


@pytest.mark.parametrize(
    "query", ["from=x&to=y", "from=2099-01-01", "from=1990-01-01&to=2026-11-01", "to=0001-01-09"]
)
def test_nonsense_days_are_the_last_week(finance, query):
    assert finance.get(f"/admin/reconciliation/report?{query}").status_code == 200


# ── a receipt's money ──


def test_money_finds_its_owner_by_phone_and_no_number_is_in_an_address(finance):
    receipt, jane = by_hand.suspended(900), customer()
    page = f"/admin/reconciliation/receipts/{receipt.id}/"
    found = send(finance, f"{page}to/0", page, customer0="0722 000 001")
    assert found.location == move_url(receipt, jane)
    nobody = send(finance, f"{page}to/0", page, customer0="0799 999 999")
    assert nobody.status_code == 422
    assert "No customer of yours" in section(nobody)


def test_money_is_allocated_with_a_reason_once(finance):
    receipt, jane = by_hand.suspended(900), customer()
    url = move_url(receipt, jane)
    sent = forms.fields(finance.get(url), url)
    assert sent["amount"] == "900"
    data = sent | {"amount": "600", "reason": "she called"}
    for _ in range(2):
        answer = finance.post(url, data=data)
        assert answer.location == f"/admin/reconciliation/receipts/{receipt.id}/"
    said = section(finance.get(answer.location))
    assert "KSh\u00a0300 in suspense" in said
    assert "KSh\u00a0600 on a balance" in said
    assert "she called" in said
    [row] = db.session.scalars(select(Reallocation))
    assert (row.staff_id, row.amount) == (finance.person.id, 600)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"amount": "901"}, "Only KSh 900"),
        ({"amount": "1.50"}, "whole shillings"),
        ({"amount": "٣"}, "whole shillings"),
        ({"reason": ""}, "Give a reason"),
        ({"reason": "call 0722 000 001"}, "Leave phone numbers"),
    ],
)
def test_what_cannot_be_done_keeps_the_form(finance, wrong, why):
    receipt, jane = by_hand.suspended(900), customer()
    url = move_url(receipt, jane)
    sent = forms.fields(finance.get(url), url) | {"reason": "she called"} | wrong
    answer = finance.post(url, data=sent)
    assert answer.status_code == 422
    assert why in section(answer)
    kept = forms.fields(answer, url)
    assert (kept["amount"], kept["attempt"]) == (sent["amount"], sent["attempt"])
    assert db.session.scalar(select(Reallocation.id)) is None


def test_the_page_says_what_will_be_paid(finance, unconfirmed):
    receipt = by_hand.suspended(500)
    jane = unconfirmed.invoice.subscription.subscriber_id
    url = move_url(receipt, jane)
    said = section(finance.get(url))
    assert f"Invoice {unconfirmed.invoice.reference} of KSh\u00a0500 is open" in said
    send(finance, url, reason="hers", amount="500")
    receipt_page = section(finance.get(f"/admin/reconciliation/receipts/{receipt.id}/"))
    assert f"paid invoice {unconfirmed.invoice.reference}" in receipt_page


def test_an_act_is_undone_and_moved_back(finance):
    receipt, jane = by_hand.suspended(900), customer()
    send(finance, move_url(receipt, jane), amount="900", reason="hers")
    [row] = db.session.scalars(select(Reallocation))
    url = f"/admin/reconciliation/receipts/{receipt.id}/undo/{row.id}"
    assert "KSh\u00a0900 go back" in section(finance.get(url))
    answer = send(finance, url, reason="not hers")
    assert "KSh 900 are back" in told_of(finance, answer=answer)
    assert send(finance, url, reason="not hers").status_code == 422
    other = by_hand.suspended()
    assert (
        finance.get(f"/admin/reconciliation/receipts/{other.id}/undo/{row.id}").status_code == 404
    )


def test_moving_money_asks_whoever_signed_in_a_while_ago(app):
    receipt, jane = by_hand.suspended(900), customer()
    client = sitting(app, "finance", proved=False)
    assert client.get(move_url(receipt, jane)).location.startswith("/admin/account/proof")


def test_another_merchants_money_and_people_are_not_there(app, finance):
    other = factories.merchant()
    theirs, ours = by_hand.suspended(merchant=other), by_hand.suspended()
    stranger = subscriptions.subscriber(other.id, factories.PHONE)
    db.session.commit()
    for path in (
        f"/admin/reconciliation/receipts/{theirs.id}/",
        move_url(theirs, customer()),
        move_url(ours, stranger.id),
    ):
        assert finance.get(path).status_code == 404


# ── matching ──


def test_a_payment_is_matched_with_what_the_statement_has(finance, unconfirmed):
    payment_id = unconfirmed.id
    upload(finance, by_hand.csv(by_hand.row(account=unconfirmed.invoice.reference)))
    [link] = [
        a["href"]
        for a in forms.page(finance.get("/admin/reconciliation/report")).select("a.btn")
        if a["href"].endswith(f"/match?code={CODE}")
    ]
    url = f"/admin/payments/{payment_id}/match"
    assert forms.fields(finance.get(link), url)["code"] == CODE
    answer = send(
        finance, f"/admin/payments/{payment_id}/match", link, code="tkl4h7q2mx", reason="SMS"
    )
    assert "The payment is paid." in told_of(finance, answer=answer)
    assert factories.fresh(payment_id).status == "paid"


def test_two_people_match_what_nobody_has_told_us(app, finance, unconfirmed):
    payment_id = unconfirmed.id
    url = f"/admin/payments/{payment_id}/match"
    answer = send(finance, url, code=CODE, reason="SMS seen")
    assert "another person has to approve it" in told_of(finance, answer=answer)
    assert "Waiting for a second person" in section(finance.get(HOME))
    proposal = db.session.scalars(select(MatchProposal)).one()
    approve = f"/admin/reconciliation/proposals/{proposal.id}/approve"
    assert "another person has to decide" in section(finance.get(approve))
    own = send(finance, approve, HOME, reason="me again")
    assert own.status_code == 422
    owner = sitting(app, "owner")
    assert "SMS seen" in section(owner.get(approve))
    answer = send(owner, approve, reason="seen too")
    assert "The payment is paid." in told_of(owner, answer=answer)
    assert factories.fresh(payment_id).status == "paid"
    assert CODE in section(owner.get("/admin/reconciliation/proposals"))


def test_a_proposal_is_rejected(app, finance, unconfirmed):
    send(finance, f"/admin/payments/{unconfirmed.id}/match", code=CODE, reason="SMS seen")
    proposal = db.session.scalars(select(MatchProposal)).one()
    url = f"/admin/reconciliation/proposals/{proposal.id}/reject"
    owner = sitting(app, "owner")
    answer = send(owner, url, reason="the SMS is forged")
    assert "The proposal is rejected." in told_of(owner, answer=answer)
    assert "It was rejected" in section(owner.get(url))


@pytest.mark.parametrize(
    ("wrong", "why"), [({"code": "x"}, "10 letters and digits"), ({"reason": " "}, "Give a reason")]
)
def test_a_wrong_number_keeps_the_form(finance, unconfirmed, wrong, why):
    url = f"/admin/payments/{unconfirmed.id}/match"
    answer = send(finance, url, **({"code": CODE, "reason": "SMS"} | wrong))
    assert answer.status_code == 422
    assert why in section(answer)


# ── the daily close ──


def test_a_day_is_looked_at_and_signed(finance):
    url = close_url()
    sent = forms.fields(finance.get(url), url)
    answer = finance.post(url, data=sent | {"note": "quiet"})
    said = section(finance.get(answer.location))
    assert "The day is signed." in said
    assert "“quiet”" in said
    assert db.session.scalars(select(DailyClose)).one().staff_id == finance.person.id
    assert "Signed" in section(finance.get(HOME))


def test_late_money_shows_since_it_was_signed(finance):
    url = close_url()
    finance.post(url, data=forms.fields(finance.get(url), url))
    assert "Since it was signed" not in section(finance.get(url))
    by_hand.suspended(300, paid_at=clock.now() - timedelta(days=1))
    said = section(finance.get(url))
    assert "Since it was signed" in said
    assert "KSh 0 → KSh 300" in " ".join(said.split())


def test_figures_that_changed_are_not_signed(finance):
    url = close_url()
    sent = forms.fields(finance.get(url), url)
    answer = finance.post(url, data=sent | {"seen": "something else"})
    assert answer.status_code == 422
    assert "changed while you looked" in section(answer)


@pytest.mark.parametrize("day", ["nonsense", "2026-13-01", "2099-01-01"])
def test_a_day_that_is_none_is_not_there(finance, day):
    assert finance.get(f"/admin/reconciliation/close/{day}/").status_code == 404


def test_today_is_looked_at_and_not_signed(finance):
    said = section(finance.get(close_url(0)))
    assert "The day is not over" in said
    assert "Sign the day" not in said


# ── disputes ──


@pytest.fixture
def dispute(finance, unconfirmed):
    return money.open_case(finance, unconfirmed)


def test_a_case_goes_its_way(finance, dispute):
    assert "Due in 3 days" in section(finance.get("/admin/disputes/"))
    sent = forms.fields(finance.get(dispute), dispute) | {"text": "There is one receipt."}
    for _ in range(2):
        finance.post(dispute, data=sent)
    said = section(finance.get(dispute))
    assert said.count("There is one receipt.") == 1
    answer = send(finance, f"{dispute}/close", outcome="rejected", reason="one receipt")
    assert "They are not right" in told_of(finance, answer=answer)
    assert send(finance, dispute, HOME, text="more").status_code == 422
    assert "They are not right" in section(finance.get("/admin/disputes/"))


def test_a_case_needs_its_facts(finance, unconfirmed):
    url = f"/admin/payments/{unconfirmed.id}/dispute"
    answer = send(finance, url, kind="other", says="Hm, call 0722 000 001", due_on="2099-01-01")
    assert answer.status_code == 422
    assert "Leave phone numbers" in section(answer)
    assert send(finance, url, kind="other", says="Well.", due_on="x").status_code == 422
    assert db.session.scalar(select(Dispute.id)) is None


def test_support_opens_cases_and_closes_none(app, dispute):
    support = sitting(app, "support")
    assert support.get(dispute).status_code == 200
    assert support.get(f"{dispute}/close").status_code == 403
    assert send(support, dispute, text="They showed the SMS.").status_code == 303


def test_the_evidence_has_everything_but_the_number(finance, dispute, unconfirmed):
    factories.deliver(unconfirmed.hook, factories.success())
    work.settle_inbox()
    said = section(finance.get(f"{dispute}/evidence"))
    assert "I paid two times." in said
    assert unconfirmed.invoice.reference in said
    assert "0712\u00a0•••\u00a0678" in said
    assert "254712345678" not in finance.get(f"{dispute}/evidence").text
    event = db.session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject_type == "payment")
        .order_by(AuditEvent.id.desc())
    ).first()
    assert event.hash.hex() in said


# ── every page ──


def test_every_page_is_valid_light_and_labelled(app, finance, plan):
    owner = sitting(app, "owner")
    for name, path in money.everything(finance, plan).items():
        answer = owner.get(path)
        assert (name, answer.status_code) == (name, 200)
        html5lib.HTMLParser(strict=True).parse(answer.text)
        assert len(gzip.compress(answer.data)) <= LIGHT, name
        check(name, forms.page(answer))
        assert "<b>JANE" not in answer.text


def check(name, page):
    assert len(page.find_all("h1")) == 1
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids)), name
    for element in page.find_all(attrs={"aria-describedby": True}):
        assert set(element["aria-describedby"].split()) <= set(ids)
    for field in page.find_all(["input", "select", "textarea"]):
        named = field.get("type") == "hidden" or field.find_parent("label")
        assert named or page.find("label", attrs={"for": field["id"]})
    for form in page.find_all("form"):
        assert form["method"] == "post"
        assert form.find("input", attrs={"name": "csrf_token"})["value"]
    assert not page.find_all(["style", "script"])
    for element in page.find_all():
        assert not {
            attribute for attribute in element.attrs if attribute.startswith(("on", "style"))
        }


# ── what the review of money moved by staff found ──


def test_a_file_that_tells_otherwise_is_said_and_waits_for_somebody(finance):
    at = clock.now() - timedelta(hours=2)
    upload(finance, by_hand.csv(by_hand.row(CODE, at, "5,000.00")))
    answer = upload(finance, by_hand.csv(by_hand.row(CODE, at)))
    said = section(finance.get(answer.location, follow_redirects=True))
    assert "1 are not as an earlier statement has them" in said
    shown = section(finance.get("/admin/alerts/"))
    assert f"A statement says something else about {CODE}" in shown
    assert "Two statements disagree" in section(finance.get("/admin/alerts/1"))
    assert "Two statements disagree" in section(finance.get("/admin/"))


def test_the_report_shows_what_was_taken_back_and_what_others_have(finance):
    by_hand.suspended(code="TKLSTOLEN1", merchant=factories.merchant())
    by_hand.suspended(code=CODE)
    back = by_hand.row("TKM0000001", paid_in="", withdrawn="500", kind="Reversal")
    rows = by_hand.row(), by_hand.row("TKLSTOLEN1"), back.replace("WANJIRU,,", f"WANJIRU,{CODE},")
    by_hand.taken_in(*rows)
    said = section(finance.get("/admin/reconciliation/report"))
    assert "In another merchant's books" in said
    assert "M-PESA took it back" in said


def test_a_receipt_of_another_merchant_in_a_form_is_nobodys(finance, plan):
    payment = money.unconfirmed(plan)
    by_hand.says_paid(payment.id)
    by_hand.taken_in(by_hand.row(account=payment.invoice.reference))
    theirs = by_hand.suspended(code="TKLTHEIRS1", merchant=factories.merchant())
    url = f"/admin/reconciliation/lines/{by_hand.line().id}/number"
    for wrong in (theirs.id, theirs.id + 1, -1, "9" * 30, "\N{ARABIC-INDIC DIGIT ONE}", ""):
        assert send(finance, url, receipt=wrong, reason="it fits").status_code == 404
    assert send(finance, url, page=HOME, receipt=1, reason="it fits").status_code == 303
