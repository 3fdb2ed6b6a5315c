"""The news that Safaricom sends, true or not, as bytes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.clock import NAIROBI, now
from app.simulator import words
from app.simulator.payments import Payment

OTHER_ID = "ws_CO_01012026000000000700000000"


@dataclass(frozen=True)
class Plan:
    bodies: tuple[bytes, ...]
    together: bool = False  # all at once, or one after another
    delay: float = 0.0


def plan(payment: Payment) -> Plan:
    name, _, value = payment.script.callback.partition(":")
    return PLANS[name](payment, value)


def truth(payment: Payment) -> bytes:
    return written(body(payment))


def body(payment: Payment) -> dict[str, Any]:
    if payment.state == "paid":
        return success(payment, str(payment.receipt), payment.paid_at)
    return failure(payment, str(payment.code), payment.description)


def success(payment: Payment, receipt: str, paid_at: datetime | None) -> dict[str, Any]:
    at = (paid_at or now()).astimezone(NAIROBI)
    news = failure(payment, words.PAID, words.describe(words.PAID))
    news["CallbackMetadata"] = {
        "Item": [
            {"Name": "Amount", "Value": float(payment.order.amount)},
            {"Name": "MpesaReceiptNumber", "Value": receipt},
            {"Name": "TransactionDate", "Value": int(f"{at:%Y%m%d%H%M%S}")},
            {"Name": "PhoneNumber", "Value": int(payment.order.phone)},
        ]
    }
    return news


def failure(payment: Payment, code: str, description: str) -> dict[str, Any]:
    return {
        "MerchantRequestID": payment.merchant_request_id,
        "CheckoutRequestID": payment.checkout_request_id,
        "ResultCode": int(code) if code.isdecimal() else code,
        "ResultDesc": description,
    }


def cancelled(payment: Payment) -> bytes:
    return written(failure(payment, words.CANCELLED, words.describe(words.CANCELLED)))


def written(news: dict[str, Any]) -> bytes:
    return json.dumps({"Body": {"stkCallback": news}}).encode()


def other_amount(payment: Payment, amount: str) -> bytes:
    news = body(payment)
    for item in news.get("CallbackMetadata", {}).get("Item", []):
        if item["Name"] == "Amount":
            item["Value"] = float(amount)
    return written(news)


def without_metadata(payment: Payment) -> bytes:
    news = body(payment)
    news.pop("CallbackMetadata", None)
    return written(news)


def contradicted(payment: Payment) -> tuple[bytes, ...]:
    """Only money that moved can be contradicted: a failure is told once."""
    return (cancelled(payment), truth(payment)) if payment.state == "paid" else (truth(payment),)


PLANS: dict[str, Callable[[Payment, str], Plan]] = {
    "once": lambda payment, _: Plan((truth(payment),)),
    "before": lambda payment, _: Plan((truth(payment),)),
    "never": lambda _payment, _: Plan(()),
    "twice": lambda payment, _: Plan((truth(payment),) * 2),
    "storm": lambda payment, count: Plan((truth(payment),) * int(count), together=True),
    "late": lambda payment, seconds: Plan((truth(payment),), delay=float(seconds)),
    "fail_then_success": lambda payment, _: Plan(contradicted(payment)),
    "success_then_fail": lambda payment, _: Plan(contradicted(payment)[::-1]),
    "other_id": lambda payment, _: Plan(
        (written(body(payment) | {"CheckoutRequestID": OTHER_ID}),)
    ),
    "amount": lambda payment, amount: Plan((other_amount(payment, amount),)),
    "no_metadata": lambda payment, _: Plan((without_metadata(payment),)),
    "garbage": lambda payment, _: Plan((truth(payment)[:60] + b"\xff\xfe",)),
}
