"""Whence a request comes and what it may say of itself: hosts, addresses, methods, names twice."""

import ast
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import time_machine
from flask import request
from sqlalchemy import event, select

import app as malipo
import config
from app import clock, create_app
from app.extensions import db
from app.jobs import work
from app.payments import opt_out
from app.payments.models import Callback, Payment
from app.web.doors import plain
from tests import factories
from tests.conftest import environment, let_go
from tests.web import forms

PUBLIC = "https://pay.example.co.ke"
ODD_HOSTS = [
    "evil.example",
    "pay.example.co.ke.evil.example",
    "",
    "x" * 4_000,
    "[::1",
    "a b",
    "\u00ff:1",
]


@pytest.fixture
def behind(app, postgres_url, redis_url):
    """The application behind so many proxies of ours; answers what it takes for the client's address."""
    made = []

    def make(hops, **settings):
        given = environment(postgres_url, redis_url, TRUSTED_PROXY_HOPS=str(hops), **settings)
        made.append(create_app(config.read(given)))
        return made[-1]

    yield make
    for other in made:
        with other.app_context():
            let_go()


def address_of(app, peer="10.0.0.1", **headers):
    seen = []
    app.before_request_funcs.setdefault(None, []).append(lambda: seen.append(request.remote_addr))
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    app.test_client().get("/healthz", headers=given, environ_overrides={"REMOTE_ADDR": peer})
    app.before_request_funcs[None].pop()
    return seen[0]


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, "196.201.214.200", "10.0.0.1"),
        (1, "196.201.214.200, 41.90.1.2", "41.90.1.2"),
        (2, "196.201.214.200, 41.90.1.2, 10.0.0.2", "41.90.1.2"),
        (2, "41.90.1.2", "10.0.0.1"),  # fewer entries than proxies: one of them did not write
        (1, '"196.201.214.200, 41.90.1.2', "41.90.1.2"),  # a quote swallows nothing
        (1, "196.201.214.200, <script>", "10.0.0.1"),
        (1, "fe80::1%<script>", "10.0.0.1"),
        (1, "::ffff:41.90.1.2", "41.90.1.2"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "", "10.0.0.1"),
        (1, None, "10.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_is_an_address(behind, hops, forwarded, expected):
    headers = {} if forwarded is None else {"X_Forwarded_For": forwarded}
    assert address_of(behind(hops), **headers) == expected


def test_no_other_header_says_who_or_where_anybody_is(behind):
    app = behind(1, PUBLIC_BASE_URL=PUBLIC)
    forged = {
        "X_Real_IP": "196.201.214.200",
        "Forwarded": "for=196.201.214.200",
        "X_Forwarded_Host": "evil.example",
        "X_Forwarded_Proto": "http",
        "X_Forwarded_Prefix": "/evil",
        "X_Forwarded_Port": "1",
    }
    assert address_of(app, **forged) == "10.0.0.1"
    seen = []
    app.before_request_funcs[None].append(lambda: seen.append(request.url_root))
    app.test_client().get(
        "/healthz", headers={name.replace("_", "-"): value for name, value in forged.items()}
    )
    assert seen == ["https://localhost/"]  # the scheme is PUBLIC_BASE_URL's


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.3", "1.2.3.4.5", "0x7f.1", "\uff11.2.3.4", "::1%eth0"]
)
def test_what_is_no_address_is_none(text):
    assert plain(text) is None


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_another_name_than_ours_is_refused(client, plan, host):
    for path in ("/", "/subscribe/standard", "/admin/login", "/nowhere", "/static/x.js"):
        answer = client.get(path, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 400
        assert "evil" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "10.1.2.3:8000", "x" * 4_000])
def test_probes_come_by_address_and_messages_by_their_token(client, plan, host):
    """A proxy that forgets the name must not cost money; a probe knows no name."""
    _, hook = factories.pending(plan)
    asking = {"environ_overrides": {"HTTP_HOST": host}}
    assert client.get("/healthz", **asking).status_code == 200
    assert client.get("/readyz", **asking).status_code == 200
    assert client.post(f"/hooks/v1/d/{hook}", data=factories.success(), **asking).status_code == 200


def test_outside_the_simulator_this_machines_names_are_not_ours(behind):
    live = {"MPESA_ENVIRONMENT": "sandbox", "MPESA_BASE_URL": "", "PUBLIC_BASE_URL": PUBLIC}
    client = behind(0, **live).test_client()
    for host, status in ((PUBLIC[8:], 200), (PUBLIC[8:].upper() + ":443", 200), ("127.0.0.1", 400)):
        answer = client.get("/", environ_overrides={"HTTP_HOST": host})
        assert (host, answer.status_code) == (host, status)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "PROPFIND", "X"])
@pytest.mark.parametrize("path", ["/", "/subscribe/standard", "/admin/login", "/healthz"])
def test_unused_methods_are_refused(client, plan, path, method):
    assert client.open(path, method=method).status_code == 405


def test_a_form_is_never_completed_from_the_query(client, plan):
    """C46: what a link carries cannot stand beside what a form sends; of a name twice, the first counts."""
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": "0202", "ref": "FORM-1"}
    page = client.post("/subscribe/standard?ref=QUERY-1", data=sent)
    assert forms.fields(page)["ref"] == "FORM-1"
    again = forms.fields(client.get("/subscribe/standard?ref=FIRST&ref=SECOND"))
    assert again["ref"] == "FIRST"


def test_no_view_reads_query_and_form_as_one():
    places = Path(malipo.__file__).parent.glob("web/**/*.py")
    reading = [
        path.name
        for path in places
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "values"
        if getattr(node.value, "id", "") == "request"
    ]
    assert reading == []


def callbacks():
    return list(db.session.scalars(select(Callback).order_by(Callback.id)))


def test_an_address_is_a_wall_only_where_that_is_switched_on(client, plan, set_setting):
    payment, hook = factories.pending(plan)
    set_setting(callback_addresses=(ip_network("196.201.214.0/24"),))
    foreign = {"environ_overrides": {"REMOTE_ADDR": "41.90.1.2"}}
    known = {"environ_overrides": {"REMOTE_ADDR": "196.201.214.9"}}
    message = {"path": f"/hooks/v1/d/{hook}", "data": factories.success()}
    assert client.post(**message, **foreign).status_code == 200
    set_setting(callback_addresses=(ip_network("196.201.214.0/24"),), callback_addresses_only=True)
    assert client.post(**message, **foreign).status_code == 404
    assert client.post(**message, **known).status_code == 200
    assert [one.payment_id for one in callbacks()] == [payment.id, None, payment.id]


def test_a_number_that_wants_no_prompts_gets_none_and_nobody_is_told_why(app, plan, cli):
    other = factories.plan(factories.merchant())
    assert cli.invoke(args=["opt-out", "0712 345 678"]).exit_code == 0
    assert cli.invoke(args=["opt-out", "+254712345678"]).exit_code == 0
    refused = forms.order(app.test_client())
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    elsewhere = forms.order(app.test_client(), plan=other.code, phone="0712345678")
    assert elsewhere.status_code in (404, 429)
    assert db.session.scalar(select(Payment.id)) is None
    assert forms.order(app.test_client(), phone="0712 345 679").status_code == 303
    assert cli.invoke(args=["opt-in", "0712345678"]).exit_code == 0
    assert forms.order(app.test_client()).status_code == 303
    assert cli.invoke(args=["opt-out", "0202"]).exit_code == 1
    assert db.session.query(opt_out.OptOut).count() == 0


def test_a_refusal_is_the_same_for_every_reason(app, plan, cli):
    """C09: whether a number waits, or wants no prompts at all, is not to be seen."""
    forms.order(app.test_client(), phone="0712 000 001")
    cli.invoke(args=["opt-out", "0712000002"])
    busy, out = (forms.order(app.test_client(), phone=f"071200000{n}") for n in (1, 2))
    assert (busy.status_code, out.status_code) == (429, 429)
    assert {*busy.headers.keys()} == {*out.headers.keys()}


def statements_of(app, phone):
    """How many statements one order costs: the same work takes the same time (C09)."""
    client = app.test_client()
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": phone}
    seen = []

    def count(_conn, _cursor, statement, *_):
        seen.append(" ".join(statement.split())[:60])

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        answer = client.post("/subscribe/standard", data=sent)
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    return answer, seen


def test_a_known_number_answers_as_an_unknown_one_does(app, plan):
    """C09: status, headers and length are alike, and so is the work within two statements.

    A known person is found where an unknown one is written: that one statement is what differs.
    """
    _, hook = factories.pending(plan, "254722000001")
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    with time_machine.travel(clock.now() + timedelta(days=2)):
        known, for_known = statements_of(app, "0722 000 001")
        unknown, for_unknown = statements_of(app, "0722 000 002")
    assert known.status_code == unknown.status_code == 303
    assert len(known.data) == len(unknown.data)
    cookies = [len(answer.headers["Set-Cookie"]) for answer in (known, unknown)]
    assert abs(cookies[0] - cookies[1]) <= 8  # random letters, packed
    assert list(known.headers.keys()) == list(unknown.headers.keys())
    assert abs(len(for_known) - len(for_unknown)) <= 8, (for_known, for_unknown)


def test_what_is_refused_at_the_door_is_in_the_log(app, plan, caplog):
    """C50."""
    client = app.test_client()
    with caplog.at_level("INFO"):
        client.get("/", environ_overrides={"HTTP_HOST": "evil.example"})
        client.post("/subscribe/standard", data={"phone": "0712345678"})
        client.post(f"/hooks/v1/d/{'0' * 32}", data=b"{}")
        for _ in range(2):
            forms.order(app.test_client())
    said = " ".join(str(record.msg) for record in caplog.records)
    for words in ("refused host", "refused form", "callback refused", "must wait"):
        assert words in said
    assert "712345678" not in said
