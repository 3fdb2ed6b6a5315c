"""A push whose answer is lost, or says nothing: the prompt may be on the phone (design.md M5, M6)."""

import socket
import ssl

import pytest
import requests
import responses
import urllib3

from app.daraja import NoAnswer, NotSent, Reason
from tests.daraja.safaricom import (
    ACCEPTED,
    CHECKOUT,
    HTML,
    PROMPT,
    PUSH,
    answers,
    asked,
    client,
    error,
    fault,
    gives_token,
)


def push(answer, status=200, **extra):
    gives_token()
    answers(PUSH, answer, status, **extra)
    return client().stk_push(PROMPT)


UNKNOWABLE = {
    "a gateway time-out": (fault("messaging.adaptors.http.flow.GatewayTimeout"), 504),
    "a gateway's 503": (fault("messaging.adaptors.http.flow.ServiceUnavailable"), 503),
    "HTML instead of an answer": (HTML, 200),
    "HTML with 403": (HTML, 403),
    "HTML with 429": (HTML, 429),
    "HTML with 503": (HTML, 503),
    "an empty 400": ("", 400),
    "an empty 500": ("", 500),
    "an empty 200": ("", 200),
    "a list": ([ACCEPTED], 200),
    "a duplicated key": ('{"ResponseCode":"1","ResponseCode":"0"}', 200),
    "no id": (ACCEPTED | {"CheckoutRequestID": None}, 200),
    "an empty id": (ACCEPTED | {"CheckoutRequestID": ""}, 200),
    "an id that is too long": (ACCEPTED | {"CheckoutRequestID": "x" * 201}, 200),
    "an id with a line end": (ACCEPTED | {"CheckoutRequestID": CHECKOUT + "\n"}, 200),
    "an id in another alphabet": (ACCEPTED | {"CheckoutRequestID": "ws_CO_é"}, 200),
    "an id that is a number": (ACCEPTED | {"CheckoutRequestID": 7}, 200),
    "no code": ({"CheckoutRequestID": CHECKOUT}, 200),
    "a code that is no code": (ACCEPTED | {"ResponseCode": False}, 200),
    "a code of two noughts": (ACCEPTED | {"ResponseCode": "00"}, 200),
    "success with a failing status": (ACCEPTED, 500),
    "the catch-all": (error("500.001.1001", "Server is overloaded"), 500),
    "the catch-all, still waiting": (
        error("500.001.1001", "The transaction is being processed"),
        500,
    ),
    "the catch-all, silent": (error("500.001.1001"), 503),
    "an internal error": (error("500.003.1001", "Internal Server Error"), 500),
    "an unheard-of server error": (error("500.999.99", "?"), 500),
    "a request time-out": (error("408.001", "Timeout"), 408),
    "an error code that is no text": ({"errorCode": 7, "errorMessage": 8}, 500),
    "a fault that is no object": ({"fault": "x"}, 500),
    "a fault without detail": ({"fault": {"faultstring": "x", "detail": None}}, 500),
}


@pytest.mark.parametrize("answer, status", UNKNOWABLE.values(), ids=UNKNOWABLE)
@responses.activate
def test_an_answer_that_decides_nothing_leaves_the_prompt_possible(answer, status):
    with pytest.raises(NoAnswer):
        push(answer, status)
    assert len(asked(PUSH)) == 1


SILENCES = [
    requests.ReadTimeout("read timed out"),
    requests.ConnectionError(
        urllib3.exceptions.ProtocolError("aborted", ConnectionResetError(104))
    ),
    requests.ConnectionError("?"),
    requests.ConnectionError(),
    requests.exceptions.SSLError(
        urllib3.exceptions.MaxRetryError(
            urllib3.HTTPSConnectionPool("x"),
            "/",
            urllib3.exceptions.SSLError(ssl.SSLError(1, "decryption failed or bad record mac")),
        )
    ),
    OSError("disk"),
]


@pytest.mark.parametrize("silence", SILENCES, ids=repr)
@responses.activate
def test_a_push_that_times_out_or_breaks_is_never_sent_again(silence):
    with pytest.raises(NoAnswer) as unknown:
        push(silence)
    assert unknown.value.code is None
    assert len(asked(PUSH)) == 1


def never_connected(reason):
    pool = urllib3.HTTPSConnectionPool("sandbox.safaricom.co.ke")
    return urllib3.exceptions.MaxRetryError(pool, "/", reason)


BEFORE_SENDING = [
    requests.ConnectTimeout("connect timed out"),
    requests.exceptions.ProxyError("no proxy"),
    requests.ConnectionError(
        never_connected(
            urllib3.exceptions.NewConnectionError(
                urllib3.connection.HTTPSConnection("x"), "refused"
            )
        )
    ),
    requests.ConnectionError(
        never_connected(
            urllib3.exceptions.NameResolutionError(
                "x", urllib3.connection.HTTPSConnection("x"), socket.gaierror()
            )
        )
    ),
    requests.exceptions.SSLError(
        never_connected(urllib3.exceptions.SSLError(ssl.SSLCertVerificationError(1, "self-signed")))
    ),
]


@pytest.mark.parametrize("failure", BEFORE_SENDING, ids=repr)
@responses.activate
def test_a_push_that_never_connected_was_not_sent(failure):
    with pytest.raises(NotSent) as refusal:
        push(failure)
    assert (refusal.value.reason, refusal.value.code) == (Reason.PUSH_FAILED, "")
    assert len(asked(PUSH)) == 1


@responses.activate
def test_a_redirect_is_not_followed_with_a_push():
    elsewhere = "https://elsewhere.example/"
    responses.post(elsewhere, json=ACCEPTED)
    with pytest.raises(NoAnswer):
        push("", 307, headers={"Location": elsewhere})
    assert not asked(elsewhere)


@responses.activate
def test_an_answer_longer_than_64_kib_is_no_answer():
    with pytest.raises(NoAnswer, match="longer"):
        push(ACCEPTED | {"padding": "x" * 65536})
