"""The pages of customers: a list, one of them, their name and number, and who may."""

import pytest
from sqlalchemy import select

from app.audit import AuditEvent
from app.billing import cancelling, subscriptions
from app.billing.models import Subscriber
from app.extensions import db
from app.jobs import work
from app.payments import by_staff
from app.staff.accounts import By
from tests import factories
from tests.web import forms
from tests.web.admin.desk import section, send, sitting
from tests.web.admin.test_subscriptions import check, without_number

LIST = "/admin/customers/"
MASKED = "0712\xa0•••\xa0678"
REASON = "they have a new line"


@pytest.fixture
def person(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    return factories.fresh(payment.id).invoice.subscription.subscriber


@pytest.fixture
def support(app):
    return sitting(app, "support")


def path(person, act=""):
    return f"{LIST}{person.id}" + (f"/{act}" if act else "")


def fresh(person):
    db.session.expire_all()
    return db.session.get_one(Subscriber, person.id)


def events():
    mine = select(AuditEvent).where(AuditEvent.subject_type == "subscriber")
    query = mine.order_by(AuditEvent.seq)
    return [(event.action, event.details) for event in db.session.scalars(query)]


def test_the_pages_are_valid_and_light(support, person):
    for page in (LIST, f"{LIST}?q=nobody", f"{LIST}?person=0", path(person)):
        check(support.get(page))
    for act in ("name", "phone", "reveal"):
        check(support.get(path(person, act)))


def test_an_empty_list_says_what_will_be_there(support):
    assert "No customers yet." in check(support.get(LIST)).text


def test_the_list_shows_people_and_what_they_have(support, person):
    [row] = forms.page(support.get(LIST)).select("tbody tr")
    assert row.get_text(" ", strip=True).startswith(f"{MASKED} Standard –")  # noqa: RUF001


def test_a_person_is_found_by_number_name_and_reference(support, person, plan):
    person.name = "Wanjiru"
    db.session.commit()
    subscriptions.subscriber(plan.merchant_id, "254722000111")
    db.session.commit()
    for typed, place in (("0712345678", f"?person={person.id}"), ("wanj", "?q=wanj")):
        answer = send(support, f"{LIST}find", LIST, q=typed)
        assert answer.location == LIST + place
        assert len(forms.page(support.get(answer.location)).select("tbody tr")) == 1
    assert len(forms.page(support.get(LIST)).select("tbody tr")) == 2
    assert "Nobody found." in support.get(f"{LIST}?person=0").text


def test_one_of_them_has_all_that_hangs_on_them(support, person):
    said = section(support.get(path(person)))
    assert said.count(MASKED) >= 2  # the title, the fact and the payment
    for fact in ("KSh\xa00", "TKL4H7Q2MX", "Standard", "Not known"):
        assert fact in said
    assert "712345678" not in support.get(path(person)).text
    assert "712\xa0345\xa0678" not in said


def test_money_on_no_invoice_is_explained(support, plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    subscription = factories.fresh(payment.id).invoice.subscription
    cancelling.cancel(by_staff.quiet(subscription), By("test"))
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    said = section(support.get(path(subscription.subscriber)))
    assert "KSh\xa0500 Money that came and is on no invoice." in said
    assert "TKL4H7Q2MX" in said


def test_the_name_is_changed(support, person):
    answer = send(support, path(person, "name"), name=" Wanjiru  Kamau ")
    assert answer.location == path(person)
    assert fresh(person).name == "Wanjiru Kamau"
    assert "Wanjiru Kamau" in section(support.get(LIST))
    long = send(support, path(person, "name"), name="a" * 61)
    assert long.status_code == 422
    assert check(long).find(id="name")["value"] == "a" * 61
    send(support, path(person, "name"), name="")
    assert fresh(person).name is None
    assert events() == [("subscriber.renamed", {})] * 2


def test_markup_in_a_name_is_text(support, person):
    send(support, path(person, "name"), name="<script>alert(1)</script>")
    for page in (LIST, path(person), "/admin/subscriptions/"):
        assert "<script>alert" not in support.get(page).text


def test_the_number_is_changed_with_a_reason(support, person):
    answer = send(support, path(person, "phone"), phone="+254 722 000111", reason=REASON)
    assert answer.location == path(person)
    assert fresh(person).phone == "254722000111"
    assert events() == [("subscriber.phone_changed", {"reason": REASON})]
    said = section(support.get(path(person)))
    assert "0722\xa0•••\xa0111" in said
    assert MASKED in said  # of the payment that was made with it


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"phone": "12", "reason": REASON}, "Enter a Safaricom number"),
        ({"phone": "0722000111", "reason": ""}, "Give a reason."),
        ({"phone": "0712345678", "reason": REASON}, "That is the number already."),
        ({"phone": "0733000111", "reason": REASON}, "Another customer has this number."),
        ({"phone": "0722000111", "reason": "was 0712345678"}, "Leave phone numbers"),
    ],
)
def test_a_number_that_cannot_be_is_explained(support, person, sent, said):
    subscriptions.subscriber(person.merchant_id, "254733000111")
    db.session.commit()
    answer = send(support, path(person, "phone"), **sent)
    assert answer.status_code == 422
    page = check(answer)
    assert said in page.find(role="alert").text
    assert page.find(id="phone")["value"] == sent["phone"]
    assert fresh(person).phone == factories.PHONE
    assert events() == []


def test_the_number_is_shown_once_with_a_trace(support, person):
    answer = send(support, path(person, "reveal"), reason="to call them back")
    assert answer.status_code == 200
    assert "0712\xa0345\xa0678" in check(answer).select_one(".big").text
    assert answer.headers["Cache-Control"] == "no-store"
    assert events() == [("subscriber.revealed", {"reason": "to call them back"})]
    actor = db.session.scalars(select(AuditEvent.actor).order_by(AuditEvent.id.desc())).first()
    assert actor == f"staff:{support.person.id}"


def test_without_a_reason_nothing_is_shown(support, person):
    answer = send(support, path(person, "reveal"), reason=" ")
    assert answer.status_code == 422
    assert "0712\xa0345\xa0678" not in check(answer).text
    assert events() == []
    assert support.get(path(person, "reveal")).text.count("0712\xa0345\xa0678") == 0


ACTS = ("name", "phone", "reveal")


def test_a_viewer_looks_and_changes_nothing(app, person):
    viewer = sitting(app, "viewer")
    assert "Change the number" not in section(viewer.get(path(person)))
    for act in ACTS:
        assert viewer.get(path(person, act)).status_code == 403
        answer = send(viewer, path(person, act), LIST, name="x", phone="0722000111", reason="why")
        assert answer.status_code == 403
    assert (fresh(person).name, fresh(person).phone) == (None, factories.PHONE)


def test_another_merchants_customer_is_nobody(app, person):
    """M12: the same answer as for an id that never was, also for whoever knows the number."""
    theirs = sitting(app, "owner", factories.merchant())
    for act in ("", *ACTS):
        foreign, random = (theirs.get(f"{LIST}{n}{act and '/' + act}") for n in (person.id, 987654))
        assert (foreign.status_code, random.status_code) == (404, 404)
        assert without_number(foreign) == without_number(random)
    for act in ACTS:
        answer = send(theirs, path(person, act), LIST, name="x", phone="0722000111", reason="why")
        assert answer.status_code == 404
    assert send(theirs, f"{LIST}find", LIST, q="0712345678").location == f"{LIST}?person=0"
    foreign, random = (theirs.get(f"{LIST}?person={n}") for n in (person.id, 987654))
    assert "Nobody found." in foreign.text
    assert without_number(foreign) == without_number(random)
    assert theirs.get(f"/admin/subscriptions/new?customer={person.id}").status_code == 404
    assert events() == []
