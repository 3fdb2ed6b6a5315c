"""A kept message as staff may see it: its shape and its codes, without anybody's number."""

import json
import re
from decimal import Decimal
from typing import Any

from app.daraja import Unreadable, strict_json

PHONE = re.compile(r"(?<![0-9])(?:254|0)?[17][0-9]{8}(?![0-9])", re.ASCII)
# An id of theirs may end in the phone's digits, so its end is what goes.
LONG_ID = re.compile(r"(?=[A-Za-z_.-]*[0-9])[A-Za-z0-9_.-]{16,}", re.ASCII)
SHOWN_OF_ID, SHOWN_OF_PHONE, HIDDEN_OF_PHONE = 8, 3, 5
LONGEST = 8_000
INDENT = 2


def masked(body: bytes) -> str:
    """Indented where it is JSON, else as it came; cut where nobody would read on."""
    try:
        text = json.dumps(
            _masked(strict_json(body)), indent=INDENT, ensure_ascii=False, default=_number
        )
    except Unreadable:
        text = _text(body.decode(errors="replace"))
    text = "".join(c for c in text if c.isprintable() or c == "\n")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"


def details(known: dict[str, Any]) -> str:
    return json.dumps(_masked(known), indent=INDENT, ensure_ascii=False, default=str)


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {_text(name): _masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, str):
        return _text(value)
    return _whole(value)


def _whole(value: object) -> object:
    """A phone number may be sent as a number too."""
    shown = PHONE.sub(_dots, str(value)) if type(value) is int else ""
    return shown if "•" in shown else value


def _text(text: str) -> str:
    return PHONE.sub(_dots, LONG_ID.sub(lambda found: f"{found[0][:SHOWN_OF_ID]}…", text))


def _dots(found: re.Match[str]) -> str:
    """`2547•••••678`"""
    number = found[0]
    start = number[: -SHOWN_OF_PHONE - HIDDEN_OF_PHONE]
    return f"{start}{'•' * HIDDEN_OF_PHONE}{number[-SHOWN_OF_PHONE:]}"


def _number(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)
