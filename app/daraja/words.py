"""What we say to Safaricom, and what it says back, in our own words."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto

PHONE = re.compile(r"254[17][0-9]{8}")
REFERENCE = re.compile(r"[A-Z0-9-]{1,12}")
DESCRIPTION = re.compile(r"[ -~]{1,13}")


class Reason(StrEnum):
    """Why money did not come (design.md §5)."""

    INSUFFICIENT_FUNDS = auto()
    WRONG_PIN = auto()
    PIN_LOCKED = auto()
    CANCELLED = auto()
    EXPIRED = auto()
    UNREACHABLE = auto()
    IN_PROGRESS = auto()
    BUSY = auto()
    PUSH_FAILED = auto()
    LIMIT = auto()
    NOT_REGISTERED = auto()
    MERCHANT_PROBLEM = auto()
    NOT_SENT = auto()
    NO_ANSWER = auto()
    UNKNOWN = auto()


class Verdict(StrEnum):
    PAID = auto()
    FAILED = auto()
    PENDING = auto()  # Safaricom says that it is still in process
    UNKNOWN = auto()  # nobody has said anything that counts


@dataclass(frozen=True)
class Credentials:
    """With a till, `shortcode` is its store number (daraja.md §1.2)."""

    base_url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    passkey: str = field(repr=False)
    shortcode: str
    till: str | None = None


@dataclass(frozen=True)
class Timeouts:
    connect: float = 5.0
    read: float = 25.0


@dataclass(frozen=True)
class Prompt:
    """What appears on the phone. Odd text is refused here: Safaricom answers it with 1025 (daraja.md §1.2)."""

    phone: str = field(repr=False)
    amount: int
    reference: str
    description: str
    callback_url: str = field(repr=False)  # its path is a secret

    def __post_init__(self) -> None:
        if not PHONE.fullmatch(self.phone):
            raise ValueError("a prompt's phone is 2547… or 2541…, twelve digits")
        if type(self.amount) is not int or self.amount < 1:
            raise ValueError("a prompt's amount is whole shillings, at least 1")
        if not REFERENCE.fullmatch(self.reference):
            raise ValueError("a prompt's reference is 1 to 12 of A-Z, 0-9 and -")
        if not DESCRIPTION.fullmatch(self.description):
            raise ValueError("a prompt's description is 1 to 13 plain characters")


# Checkout ids end in the phone's last nine digits (daraja.md §1.2): never in a repr, so never in a log.
@dataclass(frozen=True)
class Accepted:
    merchant_request_id: str
    checkout_request_id: str = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What a result code means; `reason` is set when FAILED."""

    verdict: Verdict
    code: str
    reason: Reason | None = None


@dataclass(frozen=True)
class StkResult:
    """An STK callback. Amount, receipt and time are None when absent or odd, whatever the verdict."""

    verdict: Verdict
    code: str
    reason: Reason | None
    checkout_request_id: str = field(repr=False)
    merchant_request_id: str | None
    amount: Decimal | None
    receipt: str | None
    paid_at: datetime | None
