"""What is learned without asking anybody for money."""

from datetime import UTC, datetime

import pytest
import requests
import responses

from app.daraja import Asking, probe
from tests.daraja.safaricom import (
    BASE,
    EXPIRED_TOKEN,
    HTML,
    QUERY,
    answers,
    asked,
    client,
    error,
    fault,
    gives_token,
    result,
    sent,
)

OURS = "https://pay.example.co.ke/healthz"


@responses.activate
def test_an_address_says_who_it_is_and_what_time_it_has():
    responses.get(OURS, json={"status": "ok"}, headers={"Date": "Mon, 23 Nov 2026 12:00:00 GMT"})
    seen = probe.get(OURS, {"nonce": "abc"})
    assert (seen.status, seen.data, seen.error) == (200, {"status": "ok"}, "")
    assert seen.at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert seen.seconds >= 0
    [request] = asked(OURS)
    assert request.url == f"{OURS}?nonce=abc"
    assert "Authorization" not in request.headers


@responses.activate
@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 12:00:00 GMT"])
def test_a_strange_clock_is_no_clock(date):
    responses.get(OURS, body=HTML, headers={"Date": date})
    assert probe.get(OURS).at is None


@responses.activate
def test_a_redirect_is_not_followed():
    responses.get(OURS, status=302, headers={"Location": "http://169.254.169.254/latest"})
    assert probe.get(OURS).status == 302
    assert len(responses.calls) == 1


@responses.activate
def test_no_more_than_a_little_is_read():
    responses.get(OURS, body="x" * 70_000)
    seen = probe.get(OURS)
    assert seen.status is None
    assert "longer than an answer can be" in seen.error


@responses.activate
@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (requests.ConnectTimeout(), "could not connect (ConnectTimeout)"),
        (requests.ReadTimeout(), "no answer (ReadTimeout)"),
        (requests.ConnectionError("secret.internal:8080"), "no answer (ConnectionError)"),
    ],
)
def test_silence_has_a_name_and_no_details(problem, says):
    responses.get(OURS, body=problem)
    assert probe.get(OURS).error == says


def ask(answer, status=200):
    gives_token()
    answers(QUERY, answer, status)
    return probe.may_ask(client())


@responses.activate
@pytest.mark.parametrize(
    ("answer", "status", "means"),
    [
        (error("500.001.1001", "The transaction does not Exist"), 500, Asking.ALLOWED),
        (error("500.001.1001", "The transaction is being processed"), 500, Asking.ALLOWED),
        (error("400.002.02", "Bad Request - Invalid CheckoutRequestID"), 400, Asking.ALLOWED),
        (error("404.002.02", "not found"), 404, Asking.ALLOWED),
        (result("1032"), 200, Asking.ALLOWED),
        (error("500.001.1001", "[MerchantValidate] - Wrong credentials"), 500, Asking.WRONG),
        (error("500.001.1001", "Merchant does not exist"), 500, Asking.WRONG),
        (error("400.002.02", "Bad Request - Invalid BusinessShortCode"), 400, Asking.WRONG),
        (EXPIRED_TOKEN, 404, Asking.NOT_ALLOWED),
        (fault("keymanagement.service.InvalidAPICall"), 401, Asking.NOT_ALLOWED),
        (fault("policies.ratelimit.SpikeArrestViolation"), 429, Asking.UNKNOWN),
        (error("500.003.02", "busy"), 500, Asking.UNKNOWN),
        (error("500.001.1001", "Something new"), 500, Asking.UNKNOWN),
        (error("404.001.01", "Resource not found"), 404, Asking.UNKNOWN),
        (HTML, 503, Asking.UNKNOWN),
        (HTML, 200, Asking.UNKNOWN),
        (requests.ReadTimeout(), 200, Asking.UNKNOWN),
    ],
)
def test_what_a_question_about_nothing_tells(answer, status, means):
    assert ask(answer, status).result is means


@responses.activate
def test_nobodys_id_is_asked_about():
    ask(error("500.001.1001", "The transaction does not Exist"), 500)
    assert sent(QUERY)["CheckoutRequestID"] == probe.NOBODYS_ID
    assert sent(QUERY)["BusinessShortCode"] == 174379


@responses.activate
def test_without_a_token_nothing_is_known():
    responses.get(f"{BASE}/oauth/v1/generate", status=400)
    found = probe.may_ask(client())
    assert found.result is Asking.UNKNOWN
    assert "passkey" not in found.shown


@responses.activate
def test_a_phone_in_an_answer_is_not_shown():
    shown = ask(error("500.001.1001", "Wrong credentials for 254712345678"), 500).shown
    assert "254712345678" not in shown
