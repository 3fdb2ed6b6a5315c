"""C18, C25, C27: every answer of every door, and every error, carries the headers."""

import re

import pytest

import config
from app import create_app
from app.extensions import db
from app.staff import Staff, sessions
from app.web.security import HEADERS, HSTS
from tests import factories
from tests.conftest import environment, let_go
from tests.fuzz.knocking import PART
from tests.web import forms
from tests.web.admin.desk import PLACE, hire

PUBLIC = "https://pay.example.co.ke"
FILLED = {"plan": "standard", "merchant": "default", "int": "1", "any": "passkey", "string": "x"}
STYLE = re.compile(r" 'sha256-[A-Za-z0-9+/=]{44}'")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
# Whom a page of ours may show pages of ours to: plans are previewed beside the form.
FRAMED = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
POLICIES = {POLICY, FRAMED, POLICY + "; frame-src 'self'"}


@pytest.fixture
def live(app, postgres_url, redis_url):
    """The application as it is in production, with a view that breaks, and one without a database."""
    settings = {"MPESA_ENVIRONMENT": "sandbox", "MPESA_BASE_URL": "", "PUBLIC_BASE_URL": PUBLIC}
    made = create_app(config.read(environment(postgres_url, redis_url, **settings)))
    made.add_url_rule("/broken", "broken", lambda: 1 / 0)
    yield made
    with made.app_context():
        let_go()


def filled(rule, payment):
    known = FILLED | {"token": payment.token, "name": "pay.0123456789.css"}
    return PART.sub(lambda part: known.get(part["name"]) or known[part["kind"] or "string"], rule)


def ask(client, path, method="GET", **more):
    return client.open(path, method=method, base_url=PUBLIC, **more)


def faults(answer):
    headers = answer.headers
    wanted = HEADERS | {"Strict-Transport-Security": HSTS}
    yield from (name for name, value in wanted.items() if headers.get(name) != value)
    if STYLE.sub("", headers.get("Content-Security-Policy", "")) not in POLICIES:
        yield headers.get("Content-Security-Policy")
    kept = headers.get("Cache-Control") != "no-store"
    if kept and not (answer.request.path.startswith("/static/") and answer.status_code < 400):
        yield f"kept: {headers.get('Cache-Control')}"
    for cookie in headers.getlist("Set-Cookie"):
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        well = {"secure", "httponly", "path=/", "samesite=lax"} <= flags
        if not well or not cookie.startswith("__Host-") or len(cookie) > 4_096:
            yield cookie
        if any(flag.startswith("domain=") for flag in flags):
            yield cookie


def signed_in(live):
    """An operator: whoever sees most."""
    client = live.test_client()
    session, token = sessions.begin(db.session.get_one(Staff, hire("operator").id), PLACE)
    db.session.commit()
    client.get("/", base_url=PUBLIC)
    with client.session_transaction(base_url=PUBLIC) as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    assert session.id
    return client


def test_every_door_sends_the_headers_to_strangers_and_to_staff(live, plan):
    payment, _ = factories.pending(plan)
    wrong, statuses = {}, set()
    for client in (live.test_client(), signed_in(live)):
        for rule in live.url_map.iter_rules():
            for method in ("GET", "HEAD", "POST", "TRACE"):
                answer = ask(client, filled(rule.rule, payment), method)
                statuses.add(answer.status_code)
                if found := list(faults(answer)):
                    wrong[method, rule.rule, answer.status_code] = found
                answer.close()
    assert wrong == {}
    assert statuses >= {200, 303, 400, 404, 405, 500}


@pytest.mark.parametrize(
    ("path", "status", "more"),
    [
        ("/", 400, {"environ_overrides": {"HTTP_HOST": "evil.example"}}),
        ("/nowhere", 404, {}),
        ("/pay/" + "0" * 32, 404, {}),
        ("/admin/nowhere", 404, {}),
        ("/admin/payments", 308, {}),
        ("/static/nothing.0123456789.css", 404, {}),
        ("/hooks/v1/d/" + "0" * 32, 404, {"method": "POST", "data": b"{}"}),
        ("/hooks/v1/d/" + "0" * 32, 413, {"method": "POST", "data": b"x" * 70_000}),
        ("/subscribe/standard", 405, {"method": "DELETE"}),
        ("/subscribe/standard", 413, {"method": "POST", "data": {"phone": "0" * 70_000}}),
        ("/broken", 500, {}),
        ("/?lang=sw", 200, {}),
        ("/subscribe/standard", 200, {"headers": {"HX-Request": "true"}}),
    ],
)
def test_every_kind_of_answer_has_them(live, plan, path, status, more):
    answer = ask(live.test_client(), path, **more)
    assert (answer.status_code, list(faults(answer))) == (status, [])


def test_a_form_that_is_refused_has_them(live, plan):
    client = live.test_client()
    sent = forms.fields(ask(client, "/subscribe/standard")) | {"phone": "0202"}
    answer = ask(
        client, "/subscribe/standard", "POST", data=sent, headers={"Referer": PUBLIC + "/"}
    )
    assert (answer.status_code, list(faults(answer))) == (422, [])


def test_without_a_database_too(live, plan):
    settings = config.read(
        environment(
            "postgresql://malipo@/x?host=/nowhere",
            "redis://127.0.0.1:1",
            MPESA_ENVIRONMENT="sandbox",
            MPESA_BASE_URL="",
            PUBLIC_BASE_URL=PUBLIC,
        )
    )
    dark = create_app(settings)
    for path, method in (("/", "GET"), ("/readyz", "GET"), ("/hooks/v1/d/x", "POST")):
        answer = ask(dark.test_client(), path, method)
        assert (path, answer.status_code, list(faults(answer))) == (path, 503, [])
