"""What a status query is told, which is not always the truth (daraja.md §3)."""

import time
from collections.abc import Callable

from flask import Response, jsonify

from app.simulator import answers, words
from app.simulator.answers import Refusal, invalid, tell
from app.simulator.payments import Payment


def answer_question(payment: Payment, early_seconds: float) -> Response:
    name, _, value = payment.script.query.partition(":")
    if odd := ODD_ANSWERS.get(name):
        return odd(payment, value)
    if payment.state != "open":
        return result(payment, str(payment.code), payment.description)
    if time.monotonic() - payment.started < early_seconds:
        raise invalid("CheckoutRequestID")
    return still_open(payment)


def still_open(payment: Payment) -> Response:
    """Safaricom has two ways to say so; clients must know both."""
    payment.questions += 1
    if payment.questions % 2:
        raise processing()
    return result(payment, "4999")


def processing() -> Refusal:
    return Refusal(500, "500.001.1001", "The transaction is being processed")


def result(payment: Payment, code: str, description: str = "") -> Response:
    description = description or words.describe(code)
    tell(f"{code} {description}")
    return jsonify(
        ResponseCode="0",
        ResponseDescription="The service request has been accepted successsfully",  # sic
        MerchantRequestID=payment.merchant_request_id,
        CheckoutRequestID=payment.checkout_request_id,
        ResultCode=code,
        ResultDesc=description,
    )


def early_1037(payment: Payment, _value: str) -> Response:
    if payment.state == "open":
        return result(payment, words.UNREACHABLE)
    return result(payment, str(payment.code), payment.description)


def contradicted(payment: Payment, _value: str) -> Response:
    if payment.state == "open":
        return still_open(payment)
    code = words.CANCELLED if payment.state == "paid" else str(payment.code)
    return result(payment, code)


ODD_ANSWERS: dict[str, Callable[[Payment, str], Response]] = {
    "4999": lambda payment, _: result(payment, "4999"),
    "processing": lambda _payment, _: answers.refused(processing()),
    "429": lambda _payment, _: answers.spike_arrest(),
    "html": lambda _payment, _: answers.html(200),
    "early": lambda _payment, _: answers.refused(invalid("CheckoutRequestID")),
    "1037_early": early_1037,
    "contradict": contradicted,
    "unknown": result,
}
