"""A payment as Safaricom knows it."""

from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

from app.simulator.scripts import Script
from app.simulator.settings import Merchant


@dataclass(frozen=True)
class Order:
    """A push that passed every check."""

    merchant: Merchant
    phone: str
    amount: int
    account: str
    callback_url: str
    misrouted: bool  # the till is not this store's: accepted, refused later with 2002


@dataclass
class Payment:
    order: Order
    script: Script
    checkout_request_id: str
    merchant_request_id: str
    asked_at: datetime
    started: float  # on the monotonic clock
    state: str = "open"  # open | paid | failed
    code: str | None = None
    description: str = ""
    receipt: str | None = None
    prompted_at: datetime | None = None
    answered_at: datetime | None = None
    paid_at: datetime | None = None
    questions: int = 0
    callbacks_sent: int = 0
    callback_statuses: list[int | str] = field(default_factory=list)
    delivered: Event = field(default_factory=Event)

    @property
    def prompting(self) -> bool:
        return self.state == "open" and self.prompted_at is not None

    def facts(self) -> dict[str, Any]:
        return {
            "checkout_request_id": self.checkout_request_id,
            "merchant_request_id": self.merchant_request_id,
            "phone": self.order.phone,
            "amount": self.order.amount,
            "account": self.order.account,
            "shortcode": self.order.merchant.shortcode,
            "callback_url": self.order.callback_url,
            "asked_at": self.asked_at.isoformat(),
            "prompted_at": written(self.prompted_at),
            "answered_at": written(self.answered_at),
            "state": self.state,
            "code": self.code,
            "receipt": self.receipt,
            "paid_at": written(self.paid_at),
            "callbacks_sent": self.callbacks_sent,
            "callback_statuses": list(self.callback_statuses),
        }


def written(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
