"""The strings behind the stage: JSON, without a guard, for tests and demos."""

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from app.simulator import callbacks, scripts, words
from app.simulator.callbacks import written
from app.simulator.payments import Payment
from app.simulator.rules import (
    BadInstruction,
    checked,
    flag,
    matching,
    maybe,
    seconds,
    whole,
)
from app.simulator.settings import Merchant
from app.simulator.speech import LANGUAGE
from app.simulator.state import mpesa

control = Blueprint("control", __name__, url_prefix="/control")

Answer = tuple[str, int]
DONE = ("", 204)

FAULT_RULES = {
    "oauth": matching("ok|empty_400|html_503|hang"),
    "rotate_tokens": flag,
    "everything": matching("ok|refuse_503|hang|html|429"),
    "query_per_minute": maybe(whole(0, 1_000_000)),
    "push_seconds": seconds,
    "hang_seconds": seconds,
    "second_prompt": matching("refuse|callback"),
}
MERCHANT_RULES = {
    "consumer_key": matching(".+"),
    "consumer_secret": matching(".+"),
    "shortcode": matching("[0-9]{5,7}"),
    "passkey": matching(".+"),
    "till": maybe(matching("[0-9]{5,8}")),
    "name": matching(".+"),
}
PHONE_RULES = {"balance": whole(0, 10**9), "language": LANGUAGE}
ANSWER_RULES = {"pin": matching(".*"), "cancel": flag}
RESEND_RULES = {"code": matching(scripts.RESULT_CODE)}


@control.errorhandler(BadInstruction)
def bad_instruction(error: BadInstruction) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400


@control.post("/script")
def script() -> Answer:
    mpesa().scripts.write(*scripts.read(given()))
    return DONE


@control.post("/reset")
def reset() -> Answer:
    mpesa().reset()
    return DONE


@control.post("/faults")
def faults() -> Answer:
    """Only what is named changes."""
    mpesa().faults = replace(mpesa().faults, **checked(given(), FAULT_RULES))
    return DONE


@control.get("/faults")
def current_faults() -> Response:
    return jsonify(asdict(mpesa().faults))


@control.post("/invalidate-tokens")
def invalidate_tokens() -> Answer:
    mpesa().tokens.forget()
    return DONE


@control.post("/merchants")
def register() -> Answer:
    facts = checked(given(), MERCHANT_RULES)
    if missing := MERCHANT_RULES.keys() - facts.keys() - {"till", "name"}:
        raise BadInstruction(f"Missing: {', '.join(sorted(missing))}.")
    mpesa().merchants.register(Merchant(**facts))
    return DONE


@control.get("/payments")
def payments() -> Response:
    wanted = [p for p in mpesa().payments() if matches(p.facts(), request.args.to_dict())]
    return jsonify([payment.facts() for payment in wanted])


def matches(facts: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(str(facts.get(name)) == value for name, value in wanted.items())


@control.get("/paid")
def paid() -> Response:
    found = [payment for payment in mpesa().payments() if payment.state == "paid"]
    return jsonify(
        count=len(found),
        total=sum(payment.order.amount for payment in found),
        receipts=[receipt(payment) for payment in found],
    )


def receipt(payment: Payment) -> dict[str, Any]:
    return {
        "code": payment.receipt,
        "amount": payment.order.amount,
        "phone": payment.order.phone,
        "account": payment.order.account,
        "checkout_request_id": payment.checkout_request_id,
    }


@control.post("/phones/<phone>")
def equip(phone: str) -> Answer:
    facts, owner = checked(given(), PHONE_RULES), scripts.addressee(phone)
    if "balance" in facts:
        mpesa().endow(owner, facts["balance"])
    if "language" in facts:
        mpesa().speak(owner, facts["language"])
    return DONE


@control.post("/phones/<phone>/answer")
def answer(phone: str) -> Answer:
    words_given = checked(given(), ANSWER_RULES)
    if not words_given:
        raise BadInstruction('Send {"pin": "1234"} or {"cancel": true}.')
    pin = None if words_given.get("cancel") else words_given.get("pin", "")
    if not mpesa().answer(scripts.addressee(phone), pin):
        abort(409)
    return DONE


@control.post("/payments/<checkout_request_id>/script")
def rescript(checkout_request_id: str) -> Answer:
    """A payment that exists already: what its queries and its callback will say from now on."""
    rules = {name: scripts.RULES[name] for name in ("query", "callback", "callback_delay")}
    payment = found(checkout_request_id)
    payment.script = replace(payment.script, **checked(given(), rules))
    return DONE


@control.post("/payments/<checkout_request_id>/callback")
def resend(checkout_request_id: str) -> Answer:
    payment = found(checkout_request_id)
    code = checked(given(), RESEND_RULES).get("code")
    if code is None and payment.state == "open":
        abort(409)
    body = callbacks.truth(payment) if code is None else forged(payment, code)
    mpesa().courier.deliver(payment, (body,), together=False)
    return DONE


def forged(payment: Payment, code: str) -> bytes:
    if code == words.PAID:
        code_of_receipt = payment.receipt or mpesa().made_up_receipt()
        return written(callbacks.success(payment, code_of_receipt, payment.paid_at))
    return written(callbacks.failure(payment, code, words.describe(code)))


def found(checkout_request_id: str) -> Payment:
    payment = mpesa().find(checkout_request_id)
    if payment is None:
        abort(404)
    return payment


@control.get("/log")
def log() -> Response:
    entries = mpesa().journal.entries()
    return jsonify([asdict(entry) | {"at": entry.at.isoformat()} for entry in entries])


def given() -> Any:
    return request.get_json(silent=True) if request.get_data() else {}
