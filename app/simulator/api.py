"""Daraja's doors: a token, a push, a question."""

import socket
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from app.simulator import answers, orders, words
from app.simulator.answers import Refusal, invalid, invalid_token, tell, wrong_credentials
from app.simulator.mpesa import Mpesa, seconds
from app.simulator.payments import Payment
from app.simulator.questions import answer_question
from app.simulator.state import mpesa

api = Blueprint("api", __name__)
api.register_error_handler(Refusal, answers.refused)


@api.before_request
def everything_may_be_broken() -> Response | None:
    fault = mpesa().faults.everything
    return FAULTS[fault](mpesa()) if fault != "ok" else None


@api.after_request
def keep_in_the_journal(response: Response) -> Response:
    path = request.path.partition("/v1")[0]
    result = g.pop("story", str(response.status_code))
    mpesa().journal.note(result, f"{request.method} {path}")
    return response


@api.get("/oauth/v1/generate")
def generate() -> Response:
    fault = mpesa().faults.oauth
    if fault != "ok":
        return FAULTS[fault](mpesa())
    if request.args.get("grant_type") != "client_credentials":
        raise Refusal(400, "400.008.02", "Invalid grant type passed")
    given = request.authorization
    if given is None or given.type != "basic":
        raise Refusal(400, "400.008.01", "Invalid Authentication passed")
    key, secret = given.username or "", given.password or ""
    if not mpesa().merchants.admits(key, secret):
        return answers.empty(400)
    token = mpesa().tokens.issue(key, alone=mpesa().faults.rotate_tokens)
    tell("200 a token")
    return jsonify(access_token=token, expires_in="3599")


@api.post("/mpesa/stkpush/v1/processrequest")
def push() -> Response:
    order = orders.order(json_body(), mpesa().merchants, token_owner())
    script = mpesa().take_script(order)
    if refusal := PUSH_REFUSALS.get(script.push):
        return refusal()
    payment = mpesa().accept(order, script)
    wait_before_answering(payment)
    return PUSH_ANSWERS.get(script.push, accepted)(payment)


def wait_before_answering(payment: Payment) -> None:
    name, _, value = payment.script.push.partition(":")
    hang = seconds(payment.script.hang_seconds, mpesa().faults.hang_seconds)
    if payment.script.callback == "before":
        payment.delivered.wait(hang)
    mpesa().nap(mpesa().faults.push_seconds + float(value or 0))
    if name == "hang":
        mpesa().nap(hang)


def accepted(payment: Payment) -> Response:
    tell(f"ResponseCode 0, {payment.checkout_request_id[:14]}…")
    return jsonify(
        MerchantRequestID=payment.merchant_request_id,
        CheckoutRequestID=payment.checkout_request_id,
        ResponseCode="0",
        ResponseDescription="Success. Request accepted for processing",
        CustomerMessage="Success. Request accepted for processing",
    )


def cut(_payment: Payment) -> Response:
    """The line goes dead: only a real server has a socket to shut."""
    response = answers.empty(502)
    if line := request.environ.get("werkzeug.socket"):
        line.shutdown(socket.SHUT_RDWR)
    tell("the line went dead")
    return response


@api.post("/mpesa/stkpushquery/v1/query")
def query() -> Response:
    body = json_body()
    merchant = orders.credentials(body, mpesa().merchants, token_owner())
    checkout_request_id = orders.word(body, "CheckoutRequestID")
    if not checkout_request_id:
        raise invalid("CheckoutRequestID")
    payment = mpesa().find(checkout_request_id)
    if payment is None or payment.order.merchant.shortcode != merchant.shortcode:
        raise Refusal(500, "500.001.1001", "The transaction does not Exist")
    if not mpesa().meter.admits(payment, mpesa().faults.query_per_minute):
        return answers.spike_arrest()
    return answer_question(payment, mpesa().settings.early_seconds)


def json_body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise invalid("BusinessShortCode")
    return body


def token_owner() -> str:
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    owner = mpesa().tokens.owner(token or "")
    if owner is None:
        raise invalid_token()
    return owner


def hang(house: Mpesa) -> Response:
    house.nap(house.faults.hang_seconds)
    return answers.html(503)


def refusing(status: int, code: str, message: str) -> Callable[[], Response]:
    return lambda: answers.refused(Refusal(status, code, message))


FAULTS: dict[str, Callable[[Mpesa], Response]] = {
    "hang": hang,
    "html": lambda _: answers.html(200),
    "html_503": lambda _: answers.html(503),
    "refuse_503": lambda _: answers.html(503),
    "empty_400": lambda _: answers.empty(400),
    "429": lambda _: answers.spike_arrest(),
}
PUSH_REFUSALS: dict[str, Callable[[], Response]] = {
    "refuse_400": lambda: answers.refused(invalid("Amount")),
    "busy": refusing(500, "500.003.02", "System is busy. Please try again in few minutes."),
    "429": answers.spike_arrest,
    "503": lambda: answers.html(503),
    "locked": refusing(500, "500.001.1001", words.SUBSCRIBER_LOCKED),
    "wrong_credentials": lambda: answers.refused(wrong_credentials()),
    "token": lambda: answers.refused(invalid_token()),
}
PUSH_ANSWERS: dict[str, Callable[[Payment], Response]] = {
    "lost": lambda _: answers.html(502),
    "empty_200": lambda _: answers.empty(200),
    "cut": cut,
}
