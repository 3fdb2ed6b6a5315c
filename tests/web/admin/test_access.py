"""Who may do what: every route of the admin, for every role. New pages are tested by being there."""

import re

import pytest
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.routing import AnyConverter, IntegerConverter

from app import merchants
from app.billing.models import Plan
from app.extensions import db
from app.payments.models import Payment
from app.staff import ROLES, Staff, sessions
from app.web.admin import access, desk
from app.web.admin.access import ANY, STRANGERS, allow
from tests import factories
from tests.web import forms
from tests.web.admin.desk import PLACE, hire, send, sit, sitting

NOT_THERE = 999_999
NO_ROLES = [(), ("boss",), ("Owner",), ("owner", "everybody")]


@pytest.fixture(scope="session")
def routes(wired_app):
    """(method, path, rule) of every door of the admin; numbers are of nothing that is there."""
    address = wired_app.url_map.bind("localhost")
    found = []
    for route in wired_app.url_map.iter_rules():
        if route.endpoint.startswith("admin."):
            method = "POST" if "POST" in route.methods else "GET"
            path = address.build(route.endpoint, values(route), method)
            rule = getattr(wired_app.view_functions[route.endpoint], "rule", None)
            found.append((method, path, rule))
    return found


def values(route):
    return {name: value(converter) for name, converter in route._converters.items()}  # noqa: SLF001


def value(converter):
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return NOT_THERE if isinstance(converter, IntegerConverter) else "nothing"


def ask(client, method, path, token):
    return client.open(
        path, method=method, data={"csrf_token": token} if method == "POST" else None
    )


def token_of(client):
    page = client.get("/admin/account/sessions" if hasattr(client, "person") else "/admin/login")
    return forms.fields_any(page)


def test_every_route_says_whom_it_lets_in(wired_app, routes):
    assert len(routes) > 20
    assert [path for _, path, rule in routes if rule is None] == []
    public = {path for _, path, rule in routes if STRANGERS in rule.roles}
    assert public == {"/admin/login"}


def test_no_public_route_asks_for_a_role(wired_app):
    declaring = {
        endpoint for endpoint, view in wired_app.view_functions.items() if hasattr(view, "rule")
    }
    assert all(endpoint.startswith("admin.") for endpoint in declaring)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_own_doors_and_no_others(app, routes, role):
    client = sitting(app, role)
    token = token_of(client)
    wrong = []
    for method, path, rule in routes:
        if STRANGERS in rule.roles or "logout" in path:
            continue
        status = ask(client, method, path, token).status_code
        if (status == 403) == rule.lets_in(role) or status >= 500:
            wrong.append((method, path, status))
        if path.endswith("/remove"):  # that signs out
            sit(client, db.session.get_one(Staff, client.person.id))
            token = token_of(client)
    assert wrong == []


def test_a_stranger_is_sent_to_the_door_by_each(client, routes):
    token = token_of(client)
    for method, path, rule in routes:
        if STRANGERS not in rule.roles:
            answer = ask(client, method, path, token)
            assert (answer.status_code, path) == (303, path)
            assert answer.location.startswith("/admin/login")


def test_nothing_is_done_without_the_forms_own_token(app, routes):
    client = sitting(app, "operator")
    for method, path, _ in routes:
        if method == "POST":
            assert client.post(path).status_code == 400 == CSRFError.code


def test_what_is_dear_asks_whoever_signed_in_a_while_ago(app, routes):
    client = sitting(app, "operator", proved=False)
    token = token_of(client)
    for method, path, rule in routes:
        if rule.proved:
            answer = ask(client, method, path, token)
            assert answer.status_code == 303
            assert answer.location.startswith("/admin/account/proof")


def test_a_view_that_declares_nothing_lets_nobody_in(app, monkeypatch):
    """As if somebody had forgotten the decorator."""
    client = sitting(app, "operator")
    view = app.view_functions["admin.payments.index"]
    monkeypatch.delitem(view.__dict__, "rule")
    assert client.get("/admin/payments/").status_code == 403


@pytest.mark.parametrize("roles", NO_ROLES)
def test_a_role_that_is_none_stops_the_start(roles):
    with pytest.raises(ValueError, match="not roles"):
        allow(*roles)


def test_the_same_declaration_is_kept_by_the_view_itself():
    @allow(ANY)
    def view():
        return "x"

    assert view() == "x"
    assert view.__dict__["rule"].lets_in("viewer")
    finance = allow("finance")(lambda: "").__dict__["rule"]
    assert not finance.lets_in("owner")
    assert finance.lets_in("operator")


def rows_of(merchant, phone):
    plan = factories.plan(merchant)
    paying = factories.bought(plan, phone)
    return {Plan: plan.id, Payment: paying.id, Staff: hire("viewer", merchant).id}


def test_a_row_of_another_merchant_is_not_there(app):
    mine = rows_of(merchants.named("default"), "254712000001")
    theirs = rows_of(factories.merchant(), "254712000002")
    session, token = sessions.begin(hire("owner"), PLACE)
    db.session.commit()
    with app.test_request_context("/admin/"):
        desk.sit_down(session, token)
        for model in mine:
            assert access.mine(model, mine[model]).id == mine[model]
            for row_id in (theirs[model], NOT_THERE, 2**63, 2**80, 0):
                with pytest.raises(NotFound):
                    access.mine(model, row_id)


def test_no_route_finds_a_row_of_another_merchant(app, routes):
    """Whatever kind of row the number is of: all that have it are theirs."""
    client, duka = sitting(app, "owner"), factories.merchant()
    for n in range(4):
        plan = factories.plan(duka, code=f"plan-{n}")
        factories.bought(plan, f"25471200000{n}")
        hire("viewer", duka)
    token = token_of(client)
    asked = [(method, path.replace(str(NOT_THERE), "3")) for method, path, _ in routes]
    numbered = [one for one in asked if "/3" in one[1] and "/merchants/" not in one[1]]
    assert len(numbered) > 4
    found = {one: ask(client, *one, token).status_code for one in numbered}
    assert set(found.values()) == {404}, found


def test_anothers_id_answers_exactly_like_a_random_one(app):
    theirs = hire("viewer", factories.merchant()).id
    client = sitting(app, "owner")
    for path in ("/admin/people/{}", "/admin/people/{}/disable", "/admin/people/{}/role"):
        answers = [client.get(path.format(id)) for id in (theirs, NOT_THERE, 2**70)]  # noqa: A001
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        texts = {
            re.sub(r'Reference \w+|"[\w.-]{60,}"|X-CSRFToken[^}]*', "", a.text) for a in answers
        }
        assert len(texts) == 1


def test_an_owner_has_no_say_over_an_operator_at_home_there(app):
    operator = hire("operator")
    client = sitting(app, "owner")
    assert operator.email not in client.get("/admin/people/").text
    for path in ("", "/new-password", "/disable", "/remove-second-factor", "/role"):
        assert client.get(f"/admin/people/{operator.id}{path}").status_code == 404
        if path:
            data = {"reason": "mine now", "role": "viewer"}
            page = "/admin/account/sessions"
            found = send(client, f"/admin/people/{operator.id}{path}", page, **data)
            assert found.status_code == 404


def test_a_refusal_is_a_page_of_the_admin(app):
    answer = sitting(app, "viewer").get("/admin/people/")
    assert answer.status_code == Forbidden.code
    assert "You may not do that" in answer.text
