"""JSON as narrow as money needs it (security.md V9-V11)."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from app.daraja.errors import Unreadable

# The closing quote is optional and nothing is given back, so that an unfinished string costs one pass.
STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
BRACKET = re.compile(r"[\[\]{}]")
# PostgreSQL stores neither (security.md V10).
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
INTEGER = re.compile(r"0|[1-9][0-9]{0,9}")
WORD = re.compile(r"[A-Z][A-Z0-9_]{1,30}")
IDENTIFIER = re.compile(r"[ -~]{1,200}")


def strict_json(raw: bytes, max_depth: int = 20) -> object:
    """UTF-8 only, no NaN, no duplicate keys, nothing deep; floats come as Decimal. Raises Unreadable."""
    text = _text(raw)
    _check_depth(text, max_depth)
    value = _parse(text)
    if (
        "\\u" in text
    ):  # JSON lets neither stand in a text as it is, and UTF-8 has no half characters
        _check_storable(value)
    return value


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None  # the cause would carry the body


def _check_depth(text: str, max_depth: int) -> None:
    """Before parsing, because the parser recurses."""
    if text.count("{") + text.count("[") <= max_depth:  # wherever they stand
        return
    depth = 0
    for bracket in BRACKET.findall(STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise Unreadable(f"deeper than {max_depth}")


def _parse(text: str) -> object:
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_constant, object_pairs_hook=_object
        )
    except (ValueError, InvalidOperation):  # also an integer or an exponent beyond Python's limits
        raise Unreadable("not JSON") from None


def _constant(_: str) -> NoReturn:
    raise Unreadable("NaN or Infinity")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("a key twice")
    return found


def _check_storable(value: object) -> None:
    if isinstance(value, str) and UNSTORABLE.search(value):
        raise Unreadable("a NUL or half a character in a text")
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for part in value:
            _check_storable(part)


def code_in(value: object) -> str | None:
    """A result or response code: an integer, its digits, or a word like SFC_IC0003; else None."""
    if type(value) is int:  # not bool
        value = str(value)
    if isinstance(value, str) and (INTEGER.fullmatch(value) or WORD.fullmatch(value)):
        return value
    return None


def identifier_in(value: object) -> str | None:
    """One of Safaricom's ids: their shapes change (daraja.md §1.2), so any short plain text; else None."""
    return value if isinstance(value, str) and IDENTIFIER.fullmatch(value) else None
