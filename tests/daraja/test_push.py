"""What the world sees of a push."""

import base64
from dataclasses import replace

import pytest
import requests
import responses
import time_machine

from app.daraja import NoAnswer, Reason, Refused
from tests.daraja.safaricom import (
    ACCEPTED,
    CHECKOUT,
    EXPIRED_TOKEN,
    HTML,
    PAYBILL,
    PROMPT,
    PUSH,
    answers,
    asked,
    client,
    error,
    fault,
    gives_token,
    sent,
)


def push(answer, status=200, **extra):
    gives_token()
    answers(PUSH, answer, status, **extra)
    return client().stk_push(PROMPT)


@responses.activate
@time_machine.travel("2026-11-02T21:30:15Z", tick=False)
def test_a_prompt_is_asked_for_in_nairobi_time_with_the_password_of_the_same_values():
    accepted = push(ACCEPTED)
    assert accepted.checkout_request_id == CHECKOUT
    assert accepted.merchant_request_id == "29115-34620561-1"
    assert sent(PUSH) == {
        "BusinessShortCode": 174379,
        "Password": base64.b64encode(b"174379passkey20261103003015").decode(),
        "Timestamp": "20261103003015",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 20,
        "PartyA": 254712345678,
        "PartyB": 174379,
        "PhoneNumber": 254712345678,
        "CallBackURL": "https://malipo.example/hooks/v1/d/t0ken",
        "AccountReference": "INV-7",
        "TransactionDesc": "Subscription",
    }


@responses.activate
def test_a_push_carries_its_token_whatever_netrc_says(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine sandbox.safaricom.co.ke login mallory password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    push(ACCEPTED)
    (request,) = asked(PUSH)
    assert request.headers["Authorization"] == "Bearer t1"
    assert request.headers["Content-Type"] == "application/json"


@responses.activate
def test_a_till_is_paid_through_its_store_number():
    gives_token()
    answers(PUSH, ACCEPTED)
    client(replace(PAYBILL, shortcode="600123", till="5551234")).stk_push(PROMPT)
    body = sent(PUSH)
    assert body["TransactionType"] == "CustomerBuyGoodsOnline"
    assert (body["BusinessShortCode"], body["PartyB"]) == (600123, 5551234)


@responses.activate
def test_a_base_address_may_end_in_a_slash():
    gives_token()
    answers(PUSH, ACCEPTED)
    client(replace(PAYBILL, base_url=PAYBILL.base_url + "/")).stk_push(PROMPT)
    assert len(asked(PUSH)) == 1


@responses.activate
def test_an_acceptance_by_number_and_without_a_merchant_id_is_an_acceptance():
    accepted = push({"ResponseCode": 0, "CheckoutRequestID": CHECKOUT})
    assert (accepted.checkout_request_id, accepted.merchant_request_id) == (CHECKOUT, "")


REFUSALS = {
    "no M-PESA": (
        error("400.002.02", "Bad Request - Invalid PhoneNumber"),
        400,
        Reason.NOT_REGISTERED,
    ),
    "amount": (error("400.002.02", "Bad Request - Invalid Amount"), 400, Reason.MERCHANT_PROBLEM),
    "payload": (error("400.002.05", "Invalid Request Payload"), 400, Reason.MERCHANT_PROBLEM),
    "another 4xx": (error("405.001", "Method Not Allowed"), 405, Reason.MERCHANT_PROBLEM),
    "gateway's 4xx": (fault("steps.jsonthreatprotection.X", "x"), 400, Reason.MERCHANT_PROBLEM),
    "locked": (
        error(
            "500.001.1001",
            "Unable to lock subscriber, a transaction is already in process for the current subscriber",
        ),
        500,
        Reason.IN_PROGRESS,
    ),
    "in process": (
        error("500.001.1001", "A transaction is Already In Process"),
        200,
        Reason.IN_PROGRESS,
    ),
    "passkey": (
        error("500.001.1001", "[MerchantValidate] - Wrong credentials"),
        500,
        Reason.MERCHANT_PROBLEM,
    ),
    "merchant": (error("500.001.1001", "Merchant does not exist"), 500, Reason.MERCHANT_PROBLEM),
    "spike arrest": (error("500.003.02", "Spike arrest"), 500, Reason.BUSY),
    "quota": (error("500.003.03", "Quota violation"), 500, Reason.BUSY),
    "gateway's spike arrest": (
        fault("policies.ratelimit.SpikeArrestViolation", "Spike arrest violation"),
        429,
        Reason.BUSY,
    ),
    "gateway's quota": (fault("policies.ratelimit.QuotaViolation"), 500, Reason.BUSY),
    "429": (error("429.001", "Too many"), 429, Reason.BUSY),
    "503": (error("503.001", "Service unavailable"), 503, Reason.BUSY),
    "404 page": (HTML, 404, Reason.MERCHANT_PROBLEM),
    "404": (error("404.001.01", "Resource not found"), 404, Reason.MERCHANT_PROBLEM),
}


@pytest.mark.parametrize("answer, status, reason", REFUSALS.values(), ids=REFUSALS)
@responses.activate
def test_a_definite_no_is_refused_with_its_reason(answer, status, reason):
    with pytest.raises(Refused) as refusal:
        push(answer, status)
    assert refusal.value.reason is reason
    assert len(asked(PUSH)) == 1


@responses.activate
def test_a_refusal_tells_the_code_but_no_phone_and_no_control_characters():
    message = "Invalid PhoneNumber 254712345678\r\nforged log line"
    with pytest.raises(Refused, match="not_registered") as refusal:
        push(error("400.002.02", message), 400)
    assert "712345678" not in str(refusal.value)
    assert str(refusal.value).startswith(
        "not_registered: 400.002.02 HTTP 400 Invalid PhoneNumber …"
    )
    assert str(refusal.value).isprintable()


@responses.activate
def test_cookies_are_not_kept_between_calls():
    gives_token()
    answers(PUSH, ACCEPTED, headers={"Set-Cookie": "visid_incap=1; Path=/"})
    line = client()
    line.stk_push(PROMPT)
    line.stk_push(PROMPT)
    assert "Cookie" not in asked(PUSH)[1].headers


TOKEN_REFUSALS = {
    "404.001.03": (EXPIRED_TOKEN, 404),
    "400.003.01": (error("400.003.01", "Invalid Access Token"), 400),
    "401.002.01": (error("401.002.01", "Error Occurred - Invalid Access Token"), 401),
    "no product": (fault("oauth.v2.X", "Invalid API call as no apiproduct match found"), 401),
    "an empty 401": ("", 401),
}


@pytest.mark.parametrize("answer, status", TOKEN_REFUSALS.values(), ids=TOKEN_REFUSALS)
@responses.activate
def test_a_refused_token_is_replaced_and_the_push_sent_once_more(answer, status):
    gives_token("t1")
    gives_token("t2")
    answers(PUSH, answer, status)
    answers(PUSH, ACCEPTED)
    assert client().stk_push(PROMPT).checkout_request_id == CHECKOUT
    assert [request.headers["Authorization"] for request in asked(PUSH)] == [
        "Bearer t1",
        "Bearer t2",
    ]
    assert asked(PUSH)[0].body == asked(PUSH)[1].body


@pytest.mark.parametrize("answer, status", TOKEN_REFUSALS.values(), ids=TOKEN_REFUSALS)
@responses.activate
def test_a_second_refused_token_is_the_merchants_problem(answer, status):
    with pytest.raises(Refused) as refusal:
        push(answer, status)
    assert refusal.value.reason is Reason.MERCHANT_PROBLEM
    assert len(asked(PUSH)) == 2


@responses.activate
def test_a_resent_push_that_is_met_with_silence_is_not_sent_a_third_time():
    gives_token()
    answers(PUSH, EXPIRED_TOKEN, 404)
    answers(PUSH, requests.ReadTimeout())
    with pytest.raises(NoAnswer):
        client().stk_push(PROMPT)
    assert len(asked(PUSH)) == 2
