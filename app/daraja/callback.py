"""Safaricom's STK callback, read without trusting a byte of it (daraja.md §2.1)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from app import clock
from app.daraja import codes
from app.daraja.errors import Unreadable
from app.daraja.strict import code_in, identifier_in, strict_json
from app.daraja.words import StkResult

RECEIPT = re.compile(r"[A-Z0-9]{8,12}")
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
# This century only: the year 1 has no UTC.
STAMP = re.compile(r"20[0-9]{12}")


def read_stk_callback(raw: bytes) -> StkResult:
    """Raises Unreadable, and nothing else."""
    callback = _inside(strict_json(raw), "Body", "stkCallback")
    code = code_in(callback.get("ResultCode"))
    if code is None:
        raise Unreadable("ResultCode is no code")
    said = codes.classify_callback(code, _text(callback.get("ResultDesc")))
    items = _items(callback)
    return StkResult(
        verdict=said.verdict,
        code=code,
        reason=said.reason,
        checkout_request_id=_identifier(callback, "CheckoutRequestID"),
        merchant_request_id=_optional_identifier(callback, "MerchantRequestID"),
        amount=_amount(items.get("Amount")),
        receipt=_receipt(items.get("MpesaReceiptNumber")),
        paid_at=_time(items.get("TransactionDate")),
    )


def _inside(value: object, *path: str) -> Mapping[str, object]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise Unreadable(f"no object at {'.'.join(path)}")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _identifier(callback: Mapping[str, object], name: str) -> str:
    value = identifier_in(callback.get(name))
    if value is None:
        raise Unreadable(f"{name} is no identifier")
    return value


def _optional_identifier(callback: Mapping[str, object], name: str) -> str | None:
    return None if callback.get(name) is None else _identifier(callback, name)


def _items(callback: Mapping[str, object]) -> Mapping[str, object]:
    """By name, because their order varies. A name with two values has none: let a query decide."""
    found: dict[str, object] = {}
    for item in _item_list(callback):
        name = item.get("Name") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(name, str):
            value = item.get("Value")
            found[name] = value if found.get(name, value) == value else None
    return found


def _item_list(callback: Mapping[str, object]) -> list[object]:
    metadata = callback.get("CallbackMetadata")
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        raise Unreadable("CallbackMetadata is no object")
    items = metadata.get("Item")
    if items is None or isinstance(items, dict):
        return [items]
    if not isinstance(items, list):
        raise Unreadable("CallbackMetadata.Item is no list")
    return items


def _amount(value: object) -> Decimal | None:
    text = str(value) if type(value) in (int, Decimal, str) else ""  # not bool
    return Decimal(text) if AMOUNT.fullmatch(text) else None


def _receipt(value: object) -> str | None:
    return value if isinstance(value, str) and RECEIPT.fullmatch(value) else None


def _time(value: object) -> datetime | None:
    """Safaricom's clock is Nairobi's (daraja.md §2.1)."""
    text = str(value) if type(value) in (int, str) else ""
    if not STAMP.fullmatch(text):
        return None
    try:
        local = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=clock.NAIROBI)
    except ValueError:
        return None
    return local.astimezone(UTC)
