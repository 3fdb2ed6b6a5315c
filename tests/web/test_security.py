"""Headers, cookies and errors on every door."""

import re

import pytest
from flask import request

import config
from app import create_app
from app.web.security import POLICY
from tests import factories
from tests.conftest import DARAJA, environment, let_go
from tests.web import forms


@pytest.fixture
def another_app(app, postgres_url, redis_url):
    """The application with other settings, beside the one of the session."""
    made = []

    def make(**settings):
        given = environment(postgres_url, redis_url)
        made.append(create_app(config.read(given | settings)))
        return made[-1]

    yield make
    for other in made:
        with other.app_context():
            let_go()


DOORS = ["/", "/subscribe/standard", "/nowhere", "/healthz", "/static/x.css", "/pay/unknown"]


@pytest.mark.parametrize("path", DOORS)
def test_every_answer_has_the_headers(client, plan, path):
    with client.get(path) as answer:
        headers = answer.headers
    policy = re.sub(" 'sha256-[^']{44}'", "", headers["Content-Security-Policy"])
    assert policy == POLICY.format(styles="", framers=DARAJA)
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_only_the_pretend_safaricom_may_show_the_shop_in_a_frame(client, plan, set_setting):
    def framers():
        return re.findall(
            "frame-ancestors [^;]*", client.get("/").headers["Content-Security-Policy"]
        )

    assert framers() == [f"frame-ancestors {DARAJA}"]
    set_setting(mpesa_environment="sandbox", mpesa_base_url="https://sandbox.safaricom.co.ke")
    assert framers() == ["frame-ancestors 'none'"]


@pytest.mark.parametrize("path", ["/", "/subscribe/standard", "/pay/unknown"])
def test_pages_are_not_stored(client, plan, path):
    assert client.get(path).headers["Cache-Control"] == "no-store"


def test_the_cookie_is_out_of_scripts_reach(client, plan):
    cookie = client.get("/subscribe/standard").headers["Set-Cookie"]
    assert cookie.startswith("malipo=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_behind_https_the_cookie_is_bound_to_the_host(plan, another_app):
    client = another_app(PUBLIC_BASE_URL="https://pay.example.co.ke").test_client()
    answer = client.get("/subscribe/standard", base_url="https://pay.example.co.ke")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-malipo=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_an_address_in_a_header_counts_only_behind_our_own_proxies(another_app):
    forged = {"X-Forwarded-For": "196.201.214.200"}
    for hops, expected in ((0, "127.0.0.1"), (1, "196.201.214.200")):
        app = another_app(TRUSTED_PROXY_HOPS=str(hops))
        seen = []
        app.before_request(lambda seen=seen: seen.append(request.remote_addr))
        app.test_client().get("/healthz", headers=forged)
        assert seen == [expected]


def test_an_error_of_ours_shows_a_number_and_no_detail(another_app):
    app = another_app()
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text
    assert forms.page(answer).find("h1")


def test_without_a_database_the_pages_say_so(another_app):
    client = another_app(DATABASE_URL="postgresql://malipo@/x?host=/nowhere").test_client()
    assert client.get("/").status_code == 503
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_ready_means_the_database_is_there_and_migrated(client, plan):
    assert client.get("/readyz").json == {"status": "ready"}


def test_a_page_that_was_open_too_long_is_explained(client, plan):
    sent = forms.fields(client.get("/subscribe/standard")) | {"phone": "0712345678"}
    client.delete_cookie("malipo")
    answer = client.post("/subscribe/standard", data=sent)
    assert answer.status_code == 400
    assert "open for too long" in answer.text


def test_too_large_a_form_is_refused(client, plan):
    assert client.post("/subscribe/standard", data={"phone": "0" * 70_000}).status_code == 413


def test_the_number_typed_by_a_stranger_answers_alike_known_or_not(app, plan):
    """C09: text, status and headers do not tell whether a phone is known."""
    factories.pending(plan, phone="254722000000")
    known = forms.order(app.test_client(), phone="0712000001")
    unknown = forms.order(app.test_client(), phone="0712000002")
    assert known.status_code == unknown.status_code == 303
    assert len(known.text.replace(known.location, "")) == len(
        unknown.text.replace(unknown.location, "")
    )
