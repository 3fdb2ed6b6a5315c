"""What the world sees of the token that every call needs."""

import base64
from dataclasses import replace

import pytest
import requests
import responses
import time_machine

from app.daraja import BadCredentials, NotSent, Reason, Refused, Tokens
from tests.daraja.safaricom import (
    ACCEPTED,
    HTML,
    OAUTH,
    PAYBILL,
    PROMPT,
    PUSH,
    answers,
    asked,
    client,
    error,
    fault,
    gives_token,
)


@responses.activate
def test_a_token_is_asked_for_with_key_and_secret():
    gives_token()
    assert client(replace(PAYBILL, consumer_secret="sé:cret")).token() == "t1"
    (request,) = asked(OAUTH)
    assert request.url == OAUTH + "?grant_type=client_credentials"
    basic = base64.b64encode("key:sé:cret".encode()).decode()
    assert request.headers["Authorization"] == f"Basic {basic}"


BAD_CREDENTIALS = {
    "an empty 400": ("", 400),
    "an empty 401": ("", 401),
    "a page": (HTML, 400),
    "wrong type": (error("400.008.01", "Invalid Authentication passed"), 400),
    "wrong grant": (error("400.008.02", "Invalid grant type passed"), 400),
    "a fault": (fault("oauth.v2.InvalidClientIdentifier", "Invalid client id"), 401),
}


@pytest.mark.parametrize("answer, status", BAD_CREDENTIALS.values(), ids=BAD_CREDENTIALS)
@responses.activate
def test_wrong_credentials_are_the_merchants_problem_and_say_what_to_look_at(answer, status):
    answers(OAUTH, answer, status)
    with pytest.raises(BadCredentials) as refusal:
        client().stk_push(PROMPT)
    assert refusal.value.reason is Reason.MERCHANT_PROBLEM
    for word in (PAYBILL.base_url, "consumer key", "sandbox", "production"):
        assert word in refusal.value.message
    assert not asked(PUSH)


NO_TOKEN = {
    "a time-out": (requests.ReadTimeout(), 200),
    "a reset": (requests.ConnectionError(), 200),
    "no connection": (requests.ConnectTimeout(), 200),
    "503": (HTML, 503),
    "500": (error("500.001.1001"), 500),
    "a page": (HTML, 200),
    "a firewall": (HTML, 403),
    "a redirect": ("", 302),
    "an empty answer": ("", 200),
    "no token in it": ({"expires_in": "3599"}, 200),
    "a token that is no text": ({"access_token": 7, "expires_in": "3599"}, 200),
    "a token with a line end": ({"access_token": "a\r\nX: y", "expires_in": "3599"}, 200),
    "too long": ({"access_token": "x" * 5000, "expires_in": "3599"}, 200),
}


@pytest.mark.parametrize("answer, status", NO_TOKEN.values(), ids=NO_TOKEN)
@responses.activate
def test_without_a_token_nothing_was_sent(answer, status):
    answers(OAUTH, answer, status)
    with pytest.raises(NotSent) as refusal:
        client().stk_push(PROMPT)
    assert refusal.value.reason is Reason.PUSH_FAILED
    assert not asked(PUSH)


@responses.activate
def test_a_throttled_token_request_is_busy():
    answers(OAUTH, fault("policies.ratelimit.SpikeArrestViolation"), 429)
    with pytest.raises(Refused) as refusal:
        client().stk_push(PROMPT)
    assert refusal.value.reason is Reason.BUSY


@responses.activate
def test_a_token_serves_many_calls():
    gives_token()
    answers(PUSH, ACCEPTED)
    line = client()
    line.stk_push(PROMPT)
    line.stk_push(PROMPT)
    assert len(asked(OAUTH)) == 1


@pytest.mark.parametrize(
    "life, kept, stale",
    [
        ("3599", 3298, 3300),  # text, as it really comes
        (3599, 3298, 3300),  # a number, as the portal prints it
        (400, 199, 201),  # a short life: half of it
        ("1e9", 299, 301),  # unreadable: ten minutes are assumed
        (None, 299, 301),
        (True, 299, 301),
        (999_999_999, 3299, 3301),  # no longer than an hour
    ],
)
@responses.activate
def test_a_token_is_replaced_before_it_ends(life, kept, stale):
    gives_token(expires_in=life)
    answers(PUSH, ACCEPTED)
    line = client()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        line.stk_push(PROMPT)
        clock.shift(kept)
        line.stk_push(PROMPT)
        assert len(asked(OAUTH)) == 1
        clock.shift(stale - kept)
        line.stk_push(PROMPT)
        assert len(asked(OAUTH)) == 2


@responses.activate
def test_trying_the_credentials_asks_safaricom_and_the_answer_serves_the_next_push():
    gives_token("t1")
    gives_token("t2")
    answers(PUSH, ACCEPTED)
    tokens = Tokens()
    client(tokens=tokens).token()
    assert client(tokens=tokens).token() == "t2"
    client(tokens=tokens).stk_push(PROMPT)
    assert asked(PUSH)[0].headers["Authorization"] == "Bearer t2"
    assert len(asked(OAUTH)) == 2


@responses.activate
def test_no_secret_is_in_any_repr():
    shown = repr(PAYBILL) + repr(PROMPT)
    for secret in ("secret", "passkey", "'key'", "712345678", "t0ken"):
        assert secret not in shown
