"""Every page of the admin, as a browser, a screen reader and our Content-Security-Policy meet it."""

import gzip

import html5lib
import pytest
from bs4 import BeautifulSoup

from app import merchants
from app.extensions import db
from app.web.admin import rail
from app.web.admin.browsers import browser
from tests import factories
from tests.web import forms
from tests.web.admin.desk import enrolled, hire, knock, send, sit, sitting

PAGES = [
    "/admin/",
    "/admin/people/",
    "/admin/people/new",
    "/admin/people/2",
    "/admin/people/2/role",
    "/admin/people/2/disable",
    "/admin/people/999",
    "/admin/merchants/",
    "/admin/account/password",
    "/admin/account/proof",
    "/admin/account/sessions",
    "/admin/account/second-factor/set-up",
    "/admin/audit/",
    "/admin/alerts/",
]
LIGHT = 5 * 1024  # a page, and the stylesheet; ux.md §10 allows 40 KB with everything


@pytest.fixture(params=[*PAGES, "login", "wrong", "code", "second factor", "refused", "password"])
def html(request, app, plan):
    factories.pending(plan)
    return (ODD.get(request.param) or usual)(app, request.param).text


def usual(app, path):
    client = sitting(app, "operator")
    hire("support", name="Juma <b>Otieno</b>")
    return client.get(path)


def with_code(app):
    person = hire("owner")
    enrolled(person)
    return person


def half(app, _):
    client, person = app.test_client(), with_code(app)
    knock(client, person.email)
    return client.get("/admin/second-factor")


ODD = {
    "login": lambda app, _: app.test_client().get("/admin/login?next=/admin/people/"),
    "wrong": lambda app, _: knock(app.test_client(), "a@example.co.ke", "wrong"),
    "code": half,
    "second factor": lambda app, _: sit(app.test_client(), with_code(app)).get(
        "/admin/account/second-factor/"
    ),
    "refused": lambda app, _: sitting(app, "viewer").get("/admin/people/"),
    "password": lambda app, _: send(
        sitting(app), "/admin/people/new", email="g@example.co.ke", role="viewer"
    ),
}


def test_a_page_is_valid_light_ordered_and_labelled(html):
    html5lib.HTMLParser(strict=True).parse(html)
    assert len(gzip.compress(html.encode())) <= LIGHT
    page = BeautifulSoup(html, "html5lib")
    assert len(page.find_all("h1")) == 1
    assert page.find("title").text.strip()
    assert page.find("html").get("lang") == "en"
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for element in page.find_all(attrs={"aria-describedby": True}):
        assert set(element["aria-describedby"].split()) <= set(ids)
    for field in page.find_all(["input", "select"]):
        named = field.get("type") == "hidden" or field.find_parent("label")
        assert named or page.find("label", attrs={"for": field["id"]})
    for form in page.find_all("form"):
        assert form["method"] == "post"
        assert form["action"].startswith("/admin/")
        assert form.find("input", attrs={"name": "csrf_token"})["value"]
    assert not page.find_all(["style", "script"])
    for element in page.find_all():
        assert not {name for name in element.attrs if name.startswith(("on", "style"))}
    assert "<b>Otieno" not in html


def test_the_stylesheet_is_light():
    found = rail.__file__.replace("web/admin/rail.py", "static/admin.css")
    with open(found, "rb") as css:  # noqa: PTH123
        assert len(gzip.compress(css.read())) <= LIGHT


def test_the_rail_shows_what_there_is_and_what_one_may_open(app):
    def titles(role):
        page = forms.page(sitting(app, role).get("/admin/"))
        return [a.get_text(" ", strip=True) for a in page.select(".nav a")]

    assert "People" in titles("owner")
    assert "People" not in titles("viewer")
    assert "Merchants" in titles("operator")
    assert "Merchants" not in titles("owner")


def test_the_rail_says_where_one_is_and_what_wants_a_person(app, monkeypatch):
    monkeypatch.setitem(rail.BADGES, "admin.people.index", lambda _: 3)
    client = sitting(app, "owner")
    page = forms.page(client.get("/admin/people/"))
    [here] = page.select(".nav [aria-current=page]")
    assert here.get_text(" ", strip=True) == "People 3 need a person"
    below = forms.page(client.get(f"/admin/people/{hire('viewer').id}/disable"))
    assert len(below.select(".nav [aria-current=page]")) == 1


@pytest.mark.parametrize(
    ("environment", "said"),
    [("simulator", "Simulator."), ("sandbox", "Sandbox."), ("production", "M-PESA live")],
)
def test_nobody_takes_play_money_for_real(app, set_setting, environment, said):
    set_setting(mpesa_environment=environment)
    assert said in sitting(app).get("/admin/").text


def test_the_merchants_name_stands_above_it_all(app):
    merchants.named("default").name = "Mwanga & Sons"
    db.session.commit()
    assert "Mwanga &amp; Sons" in sitting(app).get("/admin/").text


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130 Safari/537.36 Edg/130", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17 Safari/604.1", "Safari on iPhone"),
        ("Opera/9.80 (Android; Opera Mini/36.2)", "Opera Mini on Android"),
        ("", "A browser"),
    ],
)
def test_browsers_are_called_what_people_call_them(user_agent, name):
    assert browser(user_agent) == name
