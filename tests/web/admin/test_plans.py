"""The pages of plans: made, edited, retired, shown as customers see them, and sold by a link."""

import re

import html5lib
import pytest
import segno
from sqlalchemy import select

from app.audit import AuditEvent
from app.billing.models import Invoice, Plan
from app.extensions import db
from app.settings import settings
from tests import factories
from tests.web import forms
from tests.web.admin.desk import section, send, sitting
from tests.web.admin.test_subscriptions import check, without_number

LIST = "/admin/plans/"
GOLD = {"name": " Gold ", "code": "gold", "price": "1499", "every": "2", "unit": "week"}


@pytest.fixture
def owner(app):
    return sitting(app)


def path(plan, act=""):
    return f"{LIST}{plan.id}" + (f"/{act}" if act else "")


def named(code):
    db.session.expire_all()
    return db.session.scalar(select(Plan).where(Plan.code == code))


def actions():
    query = select(AuditEvent.action).where(AuditEvent.actor.startswith("staff"))
    return list(db.session.scalars(query.order_by(AuditEvent.id)))


def policy(answer):
    return answer.headers["Content-Security-Policy"]


def test_the_pages_are_valid_and_light(owner, plan):
    for page in (LIST, f"{LIST}new", path(plan)):
        check(owner.get(page))
    for act in ("edit", "retire", "sell-again"):
        check(owner.get(path(plan, act)))


def test_an_empty_list_says_what_will_be_there(owner):
    assert "Nothing is for sale yet." in check(owner.get(LIST)).text


def test_the_list_counts_who_has_a_plan(owner, plan):
    factories.bought(plan)
    [row] = forms.page(owner.get(LIST)).select("tbody tr")
    assert row.get_text(" ", strip=True) == "Standard standard 500 monthly 1 On sale"


def test_a_plan_is_made_and_sold_at_once(owner, client):
    answer = send(owner, f"{LIST}new", **GOLD)
    made = named("gold")
    assert answer.location == path(made)
    assert (made.name, made.price, made.unit, made.every) == ("Gold", 1499, "week", 2)
    assert actions() == ["plan.created"]
    assert client.get("/subscribe/gold").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "The name has 1 to 60"),
        ({"code": "Gold plan"}, "code", "The code is 1 to 40"),
        ({"code": "standard"}, "code", "There is a plan 'standard' already."),
        ({"price": "14.99"}, "price", "whole shillings from 1 to 250000"),
        ({"price": "250001"}, "price", "whole shillings"),
        ({"every": "0"}, "every", "A period is 1 to 999"),
        ({"every": ""}, "every", None),
        ({"unit": "fortnight"}, "every", "A period is 1 to 999"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(owner, plan, changes, field, said):
    answer = send(owner, f"{LIST}new", **GOLD | changes)
    if said is None:  # one
        assert named("gold").every == 1
        return
    assert answer.status_code == 422
    page = check(answer)
    assert said in page.find(role="alert").text
    assert page.find(id=f"{field}-error").text == page.find(role="alert").find("a").text
    for name in {"code", "price"} - {field}:
        assert page.find(id=name)["value"] == GOLD[name]
    assert named("gold") is None
    assert policy(answer).endswith("; frame-src 'self'")


def test_two_things_that_are_wrong_are_both_said(owner):
    answer = send(owner, f"{LIST}new", **GOLD | {"name": "", "price": "x"})
    assert len(check(answer).find(role="alert").find_all("a")) == 2


def test_a_new_price_leaves_open_invoices_alone(owner, plan):
    payment = factories.bought(plan)
    answer = send(owner, path(plan, "edit"), name="Gold", price="900", every="1", unit="month")
    assert answer.location == path(plan)
    assert (named("standard").name, named("standard").price) == ("Gold", 900)
    assert actions() == ["plan.renamed", "plan.repriced"]
    invoice = db.session.scalars(select(Invoice)).one()
    assert (invoice.amount, invoice.open) == (500, True)
    assert payment.amount == 500
    assert "Open invoices keep their amount." in section(owner.get(path(plan)))


def test_the_period_is_fixed_once_somebody_has_it(owner, plan):
    page = forms.page(owner.get(path(plan, "edit")))
    assert page.find(id="unit").name == "select"
    send(owner, path(plan, "edit"), name="Standard", price="500", every="3", unit="month")
    assert named("standard").every == 3
    factories.bought(plan)
    page = check(owner.get(path(plan, "edit")))
    assert page.find(id="unit") is None
    assert "the period stays" in page.text
    forged = send(owner, path(plan, "edit"), name="Gold", price="900", every="1", unit="day")
    assert forged.status_code == 422
    assert "Somebody has subscribed" in check(forged).find(role="alert").text
    assert (named("standard").every, named("standard").name) == (3, "Standard")
    same = send(owner, path(plan, "edit"), name="Gold", price="900", every="3", unit="month")
    assert same.status_code == 303


def test_a_plan_is_retired_and_sold_again_with_a_reason(owner, client, plan):
    assert send(owner, path(plan, "retire")).status_code == 422
    send(owner, path(plan, "retire"), reason="replaced by another")
    assert client.get("/subscribe/standard").status_code == 410
    assert "Retired" in section(owner.get(LIST))
    page = check(owner.get(path(plan)))
    assert page.find(id="link") is None  # it leads nowhere now
    send(owner, path(plan, "sell-again"), reason="people asked for it")
    assert client.get("/subscribe/standard").status_code == 200
    assert actions() == ["plan.retired", "plan.sold_again"]


def test_the_link_and_its_picture_sell_the_plan(owner, client, plan):
    page = forms.page(owner.get(path(plan)))
    link = page.find(id="link")["value"]
    assert link == f"{settings().public_base_url}/m/default/subscribe/standard"
    assert client.get(link.removeprefix(settings().public_base_url)).status_code == 200
    assert page.find(attrs={"data-copy": "link"})
    picture = client.get(page.select_one("img.qr")["src"])
    assert picture.mimetype == "image/svg+xml"
    expected = segno.make(link, error="m", micro=False).svg_inline(scale=8)
    assert re.findall(' d="[^"]+"', picture.text) == re.findall(' d="[^"]+"', expected) != []


def preview(client, **changes):
    offer = {"name": "Gold <3", "price": "1499", "every": "2", "unit": "week"} | changes
    return client.get(f"{LIST}preview", query_string=offer)


def test_the_preview_is_the_customers_page_as_it_is_typed(owner):
    answer = preview(owner)
    html5lib.HTMLParser(strict=True).parse(answer.text)
    page = forms.page(answer)
    assert page.select_one(".summary .what").text == "Gold <3 · every 2 weeks"
    assert "KSh1,499" in page.select_one(".summary .amount").get_text("", strip=True)
    assert "Pay KSh\xa01,499" in page.find("form").text
    assert "Duka" in page.text
    assert db.session.scalars(select(Plan)).all() == []


def test_the_preview_may_be_framed_by_us_and_only_its_page_has_frames(owner, client, plan):
    assert "frame-ancestors 'self';" in policy(preview(owner))
    assert "frame-src" not in policy(preview(owner))
    form = owner.get(path(plan, "edit"))
    assert policy(form).endswith("; frame-src 'self'")
    assert "frame-ancestors 'self'" not in policy(form)
    for other in (owner.get(LIST), client.get("/subscribe/standard")):
        assert "'self';" in policy(other)
        assert "frame-src" not in policy(other)
        assert "frame-ancestors 'self'" not in policy(other)
    frame = forms.page(form).find("iframe")
    assert frame["sandbox"] == ["allow-same-origin"]  # no scripts, no forms: nobody pays in it
    assert frame["title"]
    assert owner.get(frame["src"]).status_code == 200


def test_while_it_is_no_plan_yet_the_preview_says_so(owner):
    answer = preview(owner, price="14.99", name="")
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert "whole shillings" in answer.text
    assert "The name has" in answer.text
    assert "frame-ancestors 'self';" in policy(answer)


def test_without_scripts_a_button_shows_the_preview(owner):
    """By POST: the form's token is then in no address."""
    page = forms.page(owner.get(f"{LIST}new"))
    button = page.find("button", attrs={"formtarget": "preview"})
    assert button["formaction"] == f"{LIST}preview"
    assert page.find("iframe", attrs={"name": "preview"})
    answer = send(owner, f"{LIST}preview", f"{LIST}new", **GOLD)
    assert "Gold" in forms.page(answer).select_one(".summary .what").text
    assert db.session.scalars(select(Plan)).all() == []


CHANGES = ("edit", "retire", "sell-again")


@pytest.mark.parametrize("role", ["finance", "support", "viewer"])
def test_only_the_owner_changes_what_is_sold(app, plan, role):
    client = sitting(app, role)
    page = check(client.get(path(plan)))
    assert page.find(id="link")["value"].endswith(
        "/standard"
    )  # whoever helps customers gives it out
    assert "Retire it" not in page.text
    assert "Make a plan" not in client.get(LIST).text
    assert preview(client).status_code == 403
    for url in (f"{LIST}new", *(path(plan, act) for act in CHANGES)):
        assert client.get(url).status_code == 403
        answer = send(client, url, LIST, **GOLD, reason="because")
        assert answer.status_code == 403
    assert (named("standard").retired_at, named("gold")) == (None, None)


def test_another_merchants_plan_is_not_there(app, plan):
    """M12: the same answer as for an id that never was."""
    theirs = sitting(app, "owner", factories.merchant())
    for act in ("", *CHANGES):
        foreign, random = (theirs.get(f"{LIST}{n}{act and '/' + act}") for n in (plan.id, 987654))
        assert (foreign.status_code, random.status_code) == (404, 404)
        assert without_number(foreign) == without_number(random)
    for act in CHANGES:
        assert send(theirs, path(plan, act), LIST, **GOLD, reason="mine").status_code == 404
    assert named("standard").price == 500
    assert "Standard" not in theirs.get(LIST).text
    made = send(theirs, f"{LIST}new", **GOLD | {"code": "standard"})
    assert made.status_code == 303  # a code is each merchant's own


def test_a_stranger_sees_no_preview(client):
    assert preview(client).status_code == 303
