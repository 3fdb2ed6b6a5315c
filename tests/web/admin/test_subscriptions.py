"""The pages of subscriptions: a list, one of them, asking now, cancelling, and who may."""

import gzip
import re
from datetime import timedelta

import html5lib
import pytest
import time_machine
from babel.dates import format_datetime
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.billing.models import Subscriber, Subscription
from app.clock import NAIROBI
from app.extensions import db
from app.jobs import bell, work
from app.payments.models import Payment
from tests import factories
from tests.web import forms
from tests.web.admin.desk import section, send, sitting

LIST = "/admin/subscriptions/"
LIGHT = 6 * 1024


@pytest.fixture
def rung(monkeypatch):
    rings = []
    monkeypatch.setattr(bell, "ring", rings.append)
    return rings


@pytest.fixture
def active(plan):
    """Paid an hour ago, so that the phone may be asked again."""
    with time_machine.travel(clock.now() - timedelta(hours=1)):
        payment, hook = factories.pending(plan)
        factories.deliver(hook, factories.success())
        work.settle_inbox()
    return factories.fresh(payment.id).invoice.subscription


def day(moment):
    return format_datetime(moment, "d MMM y", tzinfo=NAIROBI, locale="en")


@pytest.fixture
def support(app):
    return sitting(app, "support")


def path(subscription, act=""):
    return f"{LIST}{subscription.id}" + (f"/{act}" if act else "")


def fresh(subscription):
    db.session.expire_all()
    return db.session.get_one(Subscription, subscription.id)


def actions(actor="staff"):
    query = select(AuditEvent.action).where(AuditEvent.actor.startswith(actor))
    return list(db.session.scalars(query.order_by(AuditEvent.id)))


def check(answer):
    """Valid, light, labelled, nothing inline."""
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert len(gzip.compress(answer.data)) <= LIGHT
    page = forms.page(answer)
    assert len(page.find_all("h1")) == 1
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for link in page.select("a[href^='#']"):
        assert link["href"][1:] in ids
    for field in page.find_all(["input", "select"]):
        named = field.get("type") == "hidden" or field.find_parent("label")
        assert named or page.find("label", attrs={"for": field["id"]})
    for form in page.find_all("form"):
        assert form["method"] == "post"
        assert form.find("input", attrs={"name": "csrf_token"})["value"]
    assert not page.find_all("style")
    for element in page.find_all():
        assert not {name for name in element.attrs if name.startswith(("on", "style"))}
    return page


def test_the_pages_are_valid_and_light(support, active):
    for page in (LIST, path(active), path(active, "cancel"), f"{LIST}new"):
        check(support.get(page))
    for page in (f"{LIST}?state=lapsed", f"{LIST}?q=nobody", f"{LIST}?person=0"):
        check(support.get(page))


def test_an_empty_list_says_what_will_be_there(app, support):
    page = check(support.get(LIST))
    assert "No subscriptions yet." in page.text
    assert "There is nothing to sell yet." in section(support.get(f"{LIST}new"))


def test_the_list_shows_the_customer_the_plan_and_the_state(support, active):
    [row] = forms.page(support.get(LIST)).select("tbody tr")
    said = row.get_text(" ", strip=True)
    begun = f"0712\xa0•••\xa0678 Standard KSh\xa0500 monthly {day(active.paid_through)}"
    assert said.startswith(begun)
    tabs = [
        tab.get_text(" ", strip=True) for tab in forms.page(support.get(LIST)).select(".tabs a")
    ]
    assert tabs == ["All 1", "Active 1", "Ending 0", "Lapsed 0", "Not paid yet 0", "Cancelled 0"]


def test_a_tab_and_a_plan_narrow_the_list(support, active, plan):
    def rows(query):
        return len(forms.page(support.get(f"{LIST}?{query}")).select("tbody tr"))

    assert rows(f"state=active&plan={plan.id}") == 1
    assert rows("state=lapsed") == rows("plan=999") == 0
    assert rows("state=nonsense&plan=nonsense") == 1
    tab = forms.page(support.get(f"{LIST}?plan={plan.id}&before=1-1")).select(".tabs a")[1]
    assert tab["href"] == f"{LIST}?plan={plan.id}&state=active"


def test_a_number_that_is_searched_for_is_in_no_address(support, active):
    """M14: addresses are in logs and histories."""
    for typed in ("0712 345 678", "+254712345678"):
        answer = send(support, f"{LIST}find", LIST, q=typed, state="active")
        assert answer.status_code == 303
        assert answer.location == f"{LIST}?state=active&person={active.subscriber_id}"
    found = forms.page(support.get(answer.location))
    assert len(found.select("tbody tr")) == 1
    assert "Phone 0712\xa0•••\xa0678" in found.text
    nobody = send(support, f"{LIST}find", LIST, q="0722 000 111")
    assert nobody.location == f"{LIST}?person=0"
    assert "Nothing found." in support.get(nobody.location).text


def test_a_name_and_a_reference_are_searched_for(support, active):
    active.subscriber.name = "Wanjiru Kamau"
    db.session.commit()
    reference = db.session.scalars(select(Payment)).one().invoice.reference
    for typed in ("wanj", reference):
        answer = send(support, f"{LIST}find", LIST, q=typed)
        assert len(forms.page(support.get(answer.location)).select("tbody tr")) == 1
    page = forms.page(support.get(f"{LIST}?q=wanj"))
    assert page.find(id="q")["value"] == "wanj"
    assert page.select_one("tbody .open").text == "Wanjiru Kamau"


def test_pages_of_the_list_lead_on_and_back(support, plan, monkeypatch):
    monkeypatch.setattr("app.desk.keyset.SIZE", 50)
    for n in range(3):
        factories.bought(plan, f"2547123456{n:02}", None)
    monkeypatch.setattr("app.desk.subscriptions.page.__defaults__", (None, 2))
    first = forms.page(support.get(f"{LIST}?state=unpaid"))
    assert len(first.select("tbody tr")) == 2
    older = first.select_one(".pgn a[rel=next]")["href"]
    assert older.startswith(f"{LIST}?state=unpaid&before=")
    second = forms.page(support.get(older))
    assert len(second.select("tbody tr")) == 1
    newer = second.select_one(".pgn a[rel=prev]")["href"]
    assert len(forms.page(support.get(newer)).select("tbody tr")) == 2


@pytest.mark.parametrize(
    "cursor", ["before=x", "after=1-", "before=9999999999999999-1", "after=9-9"]
)
def test_a_broken_link_to_a_page_is_the_newest_or_empty(support, active, cursor):
    assert support.get(f"{LIST}?{cursor}").status_code == 200


def test_one_of_them_has_its_facts_periods_payments_and_balance(support, active):
    said = re.sub("[ \n]+", " ", section(support.get(path(active))))
    period = f"{day(clock.now() - timedelta(hours=1))} – {day(active.paid_through)}"  # noqa: RUF001
    for fact in (period, "TKL4H7Q2MX", "KSh\xa00"):
        assert fact in said
    assert (
        f"KSh\xa0500 for 1 month, after {day(active.paid_through)}, from 0712\xa0•••\xa0678" in said
    )
    assert "712345678" not in support.get(path(active)).text
    assert "0712\xa0345\xa0678" not in said


def test_an_open_invoice_of_an_old_price_is_explained(support, plan):
    payment = factories.bought(plan)
    plan.price = 900
    db.session.commit()
    said = section(support.get(path(payment.invoice.subscription)))
    assert "The plan costs KSh\xa0900 now. This invoice keeps its amount" in said
    assert "KSh\xa0500 for 1 month" in said


def test_staff_start_a_subscription_for_somebody(app, support, plan, rung):
    answer = send(
        support, f"{LIST}new", phone="+254 712 345 678", name=" Wanjiru ", plan=str(plan.id)
    )
    assert answer.status_code == 303
    payment = db.session.scalars(select(Payment)).one()
    person = db.session.scalars(select(Subscriber)).one()
    assert (payment.phone, payment.amount, payment.address_index) == (factories.PHONE, 500, None)
    assert (person.name, person.language) == ("Wanjiru", None)
    assert rung == [bell.SEND]
    assert "on its way to the phone" in support.get(answer.location).text
    assert set(actions(f"staff:{support.person.id}")) == {
        "subscription.opened",
        "invoice.issued",
        "payment.created",
        "subscriber.renamed",
    }


def test_the_same_form_twice_is_one_request(support, plan, rung):
    sent = forms.fields(support.get(f"{LIST}new")) | {"phone": "0712345678", "plan": str(plan.id)}
    page = forms.page(support.get(f"{LIST}new"))
    sent["attempt"] = page.find("input", attrs={"name": "attempt"})["value"]
    sent["csrf_token"] = forms.fields_any(support.get(f"{LIST}new"))
    first, second = (support.post(f"{LIST}new", data=sent) for _ in range(2))
    assert first.location == second.location
    assert len(db.session.scalars(select(Payment)).all()) == 1


def test_a_known_person_is_chosen_without_a_number_and_keeps_the_name(support, active, rung):
    active.subscriber.name = "Wanjiru"
    db.session.commit()
    gold = factories.plan(code="gold", price=900)
    page = f"{LIST}new?customer={active.subscriber_id}"
    shown = forms.page(support.get(page))
    assert shown.find(id="phone").name == "p"
    answer = send(
        support, f"{LIST}new", page, customer=str(active.subscriber_id), plan=str(gold.id)
    )
    assert answer.status_code == 303
    assert len(fresh(active).subscriber.name) == 7
    assert {one.subscriber_id for one in db.session.scalars(select(Subscription))} == {
        active.subscriber_id
    }


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"phone": "12"}, "phone", "Enter a Safaricom number"),
        ({"plan": ""}, "plan", "Choose a plan."),
        ({"plan": "999"}, "plan", "Choose a plan."),
        ({"plan": "9" * 30}, "plan", "Choose a plan."),
        ({"plan": "٣"}, "plan", "Choose a plan."),
        ({"name": "a" * 61}, "name", "at most 60"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(support, plan, changes, field, said):
    sent = {"phone": "0712345678", "name": "Wanjiru", "plan": str(plan.id)} | changes
    answer = send(support, f"{LIST}new", **sent)
    assert answer.status_code == 422
    page = check(answer)
    assert page.title.text.strip().startswith("Error:")
    assert said in page.find(role="alert").text
    assert page.find(role="alert").find("a")["href"] == f"#{field}"
    assert page.find(id="phone")["value"] == sent["phone"]
    assert db.session.scalars(select(Payment)).all() == []


def test_the_limits_of_a_phone_are_said_in_words(support, plan, rung):
    factories.pending(plan)
    answer = send(support, f"{LIST}new", phone="0712345678", plan=str(plan.id))
    assert answer.status_code == 422
    alert = check(answer).find(role="alert").text
    assert re.search(r"asked often enough for now. Try again in [0-2]:\d\d minutes", alert)
    assert rung == []


def test_a_retired_plan_is_not_sold_by_staff_either(support, plan):
    other = factories.plan(code="gold")
    answer = send(support, f"{LIST}new", phone="0712345678", plan=str(other.id))
    assert answer.status_code == 303
    other.retired_at = other.created_at
    db.session.commit()
    answer = send(support, f"{LIST}new", phone="0722000111", plan=str(other.id))
    assert answer.status_code == 422


def test_a_customer_is_asked_now(support, active, rung):
    answer = send(support, path(active, "prompt"), path(active))
    assert answer.status_code == 303
    assert rung == [bell.SEND]
    newest = db.session.scalars(select(Payment).order_by(Payment.id.desc())).first()
    assert newest.invoice.subscription_id == active.id
    again = send(support, path(active, "prompt"), path(active))
    assert again.status_code == 422
    assert "Try again in" in check(again).find(role="alert").text
    assert rung == [bell.SEND]


def test_cancelling_asks_when_and_why(support, active):
    for sent, said in (
        ({"when": "now"}, "Give a reason."),
        ({"reason": "they moved away"}, "Choose when it ends."),
        ({"when": "now", "reason": "of 0712 345 678"}, "Leave phone numbers"),
    ):
        answer = send(support, path(active, "cancel"), **sent)
        assert answer.status_code == 422
        assert said in check(answer).find(role="alert").text
    assert fresh(active).cancelled_at is None


def test_cancelled_now_and_back_again(support, active):
    answer = send(support, path(active, "cancel"), when="now", reason="they moved away")
    assert answer.status_code == 303
    assert fresh(active).cancelled_at is not None
    said = section(support.get(path(active)))
    assert "The subscription is cancelled." in said
    assert "the time that is paid for is theirs until then" in said
    assert "Send the request" not in said
    assert "Cancelled 1" in section(support.get(LIST))
    answer = send(support, path(active, "undo"), path(active))
    assert answer.status_code == 303
    assert fresh(active).cancelled_at is None
    assert actions() == ["subscription.cancelled", "subscription.revived"]


def test_it_ends_with_the_paid_time_and_back_again(support, active):
    page = forms.page(support.get(path(active, "cancel")))
    assert page.find("input", attrs={"value": "at_end"}).has_attr("checked")
    send(support, path(active, "cancel"), when="at_end", reason="they moved away")
    assert fresh(active).ends_at == active.paid_through
    assert "It ends then" in section(support.get(path(active)))
    assert "Ending 1" in section(support.get(LIST))
    page = forms.page(support.get(path(active, "cancel")))
    assert page.find("input", attrs={"value": "at_end"}) is None
    send(support, path(active, "undo"), path(active))
    assert fresh(active).ends_at is None
    with time_machine.travel(active.paid_through + timedelta(hours=1)):
        later = sitting(support.application, "support")
        assert "Lapsed" in section(later.get(path(active)))


def test_the_words_say_what_becomes_of_the_open_invoice(support, plan):
    payment = factories.bought(plan)
    subscription = payment.invoice.subscription
    said = section(support.get(path(subscription, "cancel")))
    assert "The open invoice of KSh\xa0500 becomes void." in said
    answer = send(support, path(subscription, "cancel"), when="now", reason="a mistake")
    assert answer.status_code == 422
    assert "A request is on the phone now" in check(answer).find(role="alert").text


def test_an_undo_that_cannot_be_says_why(support, active, plan):
    send(support, path(active, "cancel"), when="now", reason="they moved away")
    factories.bought(plan)
    answer = send(support, path(active, "undo"), path(active))
    assert answer.status_code == 422
    assert "subscribed to this plan again since" in check(answer).find(role="alert").text


ACTS = ("prompt", "cancel", "undo")


@pytest.mark.parametrize("role", ["viewer"])
def test_a_viewer_looks_and_changes_nothing(app, active, role):
    viewer = sitting(app, role)
    page = forms.page(viewer.get(path(active)))
    assert not page.select("form[action*='prompt']")
    assert "Start a subscription" not in section(viewer.get(LIST))
    assert viewer.get(f"{LIST}new").status_code == 403
    for act in ACTS:
        assert send(viewer, path(active, act), path(active)).status_code == 403
    assert fresh(active).cancelled_at is None


@pytest.mark.parametrize("role", ["owner", "finance", "operator"])
def test_whoever_helps_customers_may(app, active, role):
    client = sitting(app, role)
    answer = send(client, path(active, "cancel"), when="now", reason="they moved away")
    assert answer.status_code == 303


def without_number(answer):
    """Each answer has a number of its own, to quote, and a token for its forms."""
    token = forms.fields_any(answer)
    return re.sub("Reference [0-9a-f]+", "", answer.text.replace(token, ""))


def test_another_merchants_subscription_is_nobodys(app, active):
    """M12: the same answer as for an id that never was."""
    theirs = sitting(app, "owner", factories.merchant())
    for act in ("", "cancel"):
        foreign, random = (
            theirs.get(path(active, act)),
            theirs.get(f"{LIST}987654{act and '/' + act}"),
        )
        assert (foreign.status_code, random.status_code) == (404, 404)
        assert without_number(foreign) == without_number(random)
    for act in ACTS:
        answer = send(theirs, path(active, act), LIST, when="now", reason="mine")
        assert answer.status_code == 404
    answer = send(theirs, f"{LIST}new", LIST, customer=str(active.subscriber_id), plan="1")
    assert answer.status_code == 404
    assert "Standard" not in theirs.get(LIST).text
    assert fresh(active).cancelled_at is None


def test_an_id_beyond_the_database_is_not_there(support, plan):
    assert support.get(f"{LIST}{10**30}").status_code == 404
    assert support.get(f"{LIST}?person={10**30}&plan={10**15}").status_code == 200
