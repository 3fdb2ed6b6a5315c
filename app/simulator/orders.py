"""Reads a push or a query the way Safaricom does: field by field, naming the first bad one."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.clock import NAIROBI
from app.simulator import phones
from app.simulator.answers import invalid, invalid_token, wrong_credentials
from app.simulator.merchants import Merchants, password_fits
from app.simulator.payments import Order
from app.simulator.settings import Merchant

Body = Mapping[str, Any]

MOST = 250_000
LONGEST_REFERENCE = 12
LONGEST_DESCRIPTION = 13
TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")
FORBIDDEN_WORDS = ("mpesa", "m-pesa", "safaricom", "query", "sql", "cmd", "exe")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def order(body: Body, merchants: Merchants, key: str) -> Order:
    merchant = credentials(body, merchants, key)
    for field, valid in RULES.items():
        if not valid(word(body, field)):
            raise invalid(field)
    return Order(
        merchant=merchant,
        phone=word(body, "PhoneNumber"),
        amount=int(word(body, "Amount")),
        account=word(body, "AccountReference"),
        callback_url=word(body, "CallBackURL"),
        misrouted=word(body, "PartyB") != merchant.receives(word(body, "TransactionType")),
    )


def credentials(body: Body, merchants: Merchants, key: str) -> Merchant:
    shortcode, timestamp = word(body, "BusinessShortCode"), word(body, "Timestamp")
    merchant = merchants.find(shortcode) if digits(shortcode, 5, 7) else None
    if merchant is None:
        raise invalid("BusinessShortCode")
    if not is_timestamp(timestamp):
        raise invalid("Timestamp")
    if not merchants.serves(merchant, key):
        raise invalid_token()
    if not password_fits(merchant, word(body, "Password"), timestamp):
        raise wrong_credentials()
    return merchant


def word(body: Body, field: str) -> str:
    """Safaricom takes numbers as JSON numbers and as strings."""
    value = body.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def digits(text: str, least: int, most: int) -> bool:
    return re.fullmatch(f"[0-9]{{{least},{most}}}", text, re.ASCII) is not None


def is_timestamp(text: str) -> bool:
    if not digits(text, 14, 14):
        return False
    try:
        datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=NAIROBI)
    except ValueError:
        return False
    return True


def is_amount(text: str) -> bool:
    return digits(text, 1, 6) and 1 <= int(text) <= MOST


def is_phone(text: str) -> bool:
    return phones.MSISDN.fullmatch(text) is not None


def is_callback_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port  # both refuse what is no address
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    return secure and bool(host) and not any(one in text.lower() for one in FORBIDDEN_WORDS)


RULES: dict[str, Callable[[str], bool]] = {
    "TransactionType": lambda text: text in TYPES,
    "Amount": is_amount,
    "PartyA": is_phone,
    "PartyB": lambda text: digits(text, 5, 8),
    "PhoneNumber": is_phone,
    "CallBackURL": is_callback_url,
    "AccountReference": lambda text: 1 <= len(text) <= LONGEST_REFERENCE,
    "TransactionDesc": lambda text: len(text) <= LONGEST_DESCRIPTION,
}
