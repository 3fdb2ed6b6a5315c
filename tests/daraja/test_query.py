"""What the world sees of a question about a payment."""

import base64

import pytest
import requests
import responses
import time_machine

from app.daraja import RESULTS, Answer, Reason, Throttled, Verdict
from tests.daraja.safaricom import (
    CHECKOUT,
    EXPIRED_TOKEN,
    HTML,
    OAUTH,
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


def query(answer, status=200, **extra):
    gives_token()
    answers(QUERY, answer, status, **extra)
    return client().stk_query(CHECKOUT)


@responses.activate
@time_machine.travel("2026-11-02T11:30:15Z", tick=False)
def test_a_question_names_the_checkout_and_signs_like_the_push():
    query(result("0"))
    assert sent(QUERY) == {
        "BusinessShortCode": 174379,
        "Password": base64.b64encode(b"174379passkey20261102143015").decode(),
        "Timestamp": "20261102143015",
        "CheckoutRequestID": CHECKOUT,
    }


@pytest.mark.parametrize("code", ["0", 0])
@responses.activate
def test_nought_is_paid(code):
    message = "The service request is processed successfully."
    assert query(result(code, message)) == Answer(Verdict.PAID, "0")


@pytest.mark.parametrize("code", RESULTS)
@responses.activate
def test_every_code_of_the_table_is_a_failure_with_its_reason(code):
    assert query(result(code)) == Answer(Verdict.FAILED, code, RESULTS[code])


@responses.activate
def test_a_code_may_be_a_number():
    assert query(result(1032)) == Answer(Verdict.FAILED, "1032", Reason.CANCELLED)


WAITING = {
    "4999": (result("4999", "The transaction is still under processing"), 200, "4999"),
    "4999 by number": (result(4999), 200, "4999"),
    "500": (error("500.001.1001", "The transaction is being processed"), 500, "500.001.1001"),
    "200": (error("500.001.1001", "The transaction is being processed"), 200, "500.001.1001"),
}


@pytest.mark.parametrize("answer, status, code", WAITING.values(), ids=WAITING)
@responses.activate
def test_a_payment_in_process_is_pending(answer, status, code):
    assert query(answer, status) == Answer(Verdict.PENDING, code)


NO_ANSWERS = {
    "an unknown number": (result("7777"), 200),
    "an early 2029": (result("2029", "Unresolved reason type"), 200),
    "a code of letters": (result("R000002"), 200),
    "a code that is true": (result(True), 200),  # noqa: FBT003
    "a code that is false": (result(False), 200),  # noqa: FBT003
    "a code of two noughts": (result("00"), 200),
    "a decimal code": (result(0.0), 200),
    "a null code": (result(None), 200),
    "a code with a space": (result(" 0"), 200),
    "a code in Arabic-Indic digits": (result("\N{ARABIC-INDIC DIGIT ZERO}"), 200),
    "no code": ({"ResponseCode": "0"}, 200),
    "an unaccepted question": (result("0", ResponseCode="1"), 200),
    "a question without a word": (result("0", ResponseCode=None), 200),
    "paid, with a failing status": (result("0"), 500),
    "somebody else's answer": (result("0", CheckoutRequestID="ws_CO_other"), 200),
    "paid and an error": (result("0") | error("500.002.02"), 200),
    "an odd description, an unknown code": (result("7777", ResultDesc=None), 200),
    "too early": (error("400.002.02", "Bad Request - Invalid CheckoutRequestID"), 400),
    "not there yet": (error("500.001.1001", "The transaction does not Exist"), 500),
    "the catch-all, silent": (error("500.001.1001"), 500),
    "the catch-all, credentials": (error("500.001.1001", "Wrong credentials"), 500),
    "the catch-all, locked": (error("500.001.1001", "Unable to lock subscriber"), 500),
    "404.002.02": (error("404.002.02", "Not found"), 404),
    "HTML": (HTML, 503),
    "HTML with 200": (HTML, 200),
    "nothing": ("", 500),
    "a list": ([], 200),
    "a gateway fault": (fault("messaging.adaptors.http.flow.GatewayTimeout"), 504),
    "too long": (result("0", padding="x" * 65536), 200),
    "a redirect": ("", 302),
    "a time-out": (requests.ReadTimeout(), 200),
    "a refused connection": (requests.ConnectTimeout(), 200),
    "a reset": (requests.ConnectionError(), 200),
    "a refused token": (EXPIRED_TOKEN, 404),
}


@pytest.mark.parametrize("answer, status", NO_ANSWERS.values(), ids=NO_ANSWERS)
@responses.activate
def test_whatever_is_no_clear_answer_is_unknown(answer, status):
    said = query(answer, status)
    assert (said.verdict, said.reason) == (Verdict.UNKNOWN, None)


@responses.activate
def test_an_answer_that_does_not_name_the_checkout_is_believed():
    answer = result("0")
    del answer["CheckoutRequestID"]
    assert query(answer).verdict is Verdict.PAID


@responses.activate
def test_an_unknown_answer_keeps_its_code_for_the_operator():
    assert query(error("404.002.02"), 404).code == "404.002.02"


@responses.activate
def test_an_unknown_answer_without_a_code_keeps_its_status():
    assert query(HTML, 503).code == "HTTP 503"


@responses.activate
def test_a_refused_token_is_replaced_and_the_question_asked_once_more():
    gives_token("t1")
    gives_token("t2")
    answers(QUERY, EXPIRED_TOKEN, 404)
    answers(QUERY, result("1037"))
    assert client().stk_query(CHECKOUT).reason is Reason.UNREACHABLE
    assert len(asked(QUERY)) == 2


THROTTLES = {
    "gateway": (fault("policies.ratelimit.SpikeArrestViolation", "Spike arrest violation"), 429),
    "spike arrest": (error("500.003.02", "Spike arrest"), 500),
    "quota": (error("500.003.03", "Quota"), 500),
    "429 page": (HTML, 429),
}


@pytest.mark.parametrize("answer, status", THROTTLES.values(), ids=THROTTLES)
@responses.activate
def test_too_many_questions_ask_for_a_minutes_rest(answer, status):
    with pytest.raises(Throttled, match="60 s") as throttled:
        query(answer, status)
    assert throttled.value.retry_after == 60


@pytest.mark.parametrize(
    "header, seconds",
    [("5", 60), ("90", 90), ("999999", 3600), ("soon", 60), ("٩٩٩", 60), ("-90", 60)],
)
@responses.activate
def test_a_longer_rest_is_given_when_asked_for_within_reason(header, seconds):
    with pytest.raises(Throttled) as throttled:
        query(HTML, 429, headers={"Retry-After": header.encode().decode("latin-1")})
    assert throttled.value.retry_after == seconds


@pytest.mark.parametrize("failure", [("", 400), (HTML, 503), (requests.ReadTimeout(), 200)])
@responses.activate
def test_no_token_no_answer(failure):
    answers(OAUTH, *failure)
    assert client().stk_query(CHECKOUT).verdict is Verdict.UNKNOWN
    assert not asked(QUERY)


@responses.activate
def test_too_many_token_requests_stop_the_questions_too():
    answers(OAUTH, fault("policies.ratelimit.SpikeArrestViolation"), 429)
    with pytest.raises(Throttled):
        client().stk_query(CHECKOUT)
