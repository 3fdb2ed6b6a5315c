"""Bodies that nobody honest sends (security.md V9-V11): each is Unreadable, never another error."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.daraja import Unreadable, read_stk_callback, strict_json
from tests.daraja.callbacks import CHECKOUT, callback, paid, raw


def spoilt(old: bytes, new: bytes) -> bytes:
    good = paid()
    assert old in good
    return good.replace(old, new)


TEXTS = {
    "nothing": b"",
    "spaces": b"   ",
    "no JSON": b"Body=stkCallback",
    "half a body": paid()[:-3],
    "a body and a half": paid() + b"{}",
    "half a text": b'{"Body": "',
    "half an escape": b'{"Body": "\\',
    "null": b"null",
    "true": b"true",
    "a number": b"0",
    "a text": b'"Body"',
    "a list": b"[]",
    "an empty object": b"{}",
    "deep lists": b"[" * 60_000,
    "deep objects": b'{"a":' * 12_000,
    "deep and closed": b"[" * 21 + b"]" * 21,
    "deep inside": paid([[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]),
    "NaN": spoilt(b"20.0", b"NaN"),
    "Infinity": spoilt(b"20.0", b"Infinity"),
    "minus Infinity": spoilt(b"20.0", b"-Infinity"),
    "a key twice": spoilt(b'"ResultCode": 0', b'"ResultCode": 1032, "ResultCode": 0'),
    "a body twice": b'{"Body": {}, ' + paid()[1:],
    "a huge integer": spoilt(b"20.0", b"9" * 5000),
    "a huge exponent": spoilt(b"20.0", b"1e99999999999999999999"),
    "UTF-16": paid().decode().encode("utf-16"),
    "UTF-16 without its mark": paid().decode().encode("utf-16-le"),
    "UTF-32": paid().decode().encode("utf-32"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + paid(),
    "Latin-1": spoilt(b"successfully", b"r\xe9ussi"),
    "an overlong NUL": spoilt(b"successfully", b"\xc0\x80"),
    "a surrogate in bytes": spoilt(b"successfully", b"\xed\xa0\x80"),
    "a NUL": spoilt(b"successfully", b"\\u0000"),
    "a bare NUL": spoilt(b"successfully", b"\x00"),
    "half a character": spoilt(b"successfully", b"\\ud800"),
    "half a character in a key": spoilt(b"ResultDesc", b"Result\\udc00"),
    "a NUL in an item": paid({"Name": "Amount", "Value": ["\x00"]}),
}
SHAPES = {
    "Body null": raw({"Body": None}),
    "Body a list": raw({"Body": [{"stkCallback": {}}]}),
    "Body a text": raw({"Body": "stkCallback"}),
    "Body empty": raw({"Body": {}}),
    "stkCallback null": raw({"Body": {"stkCallback": None}}),
    "stkCallback a list": raw({"Body": {"stkCallback": []}}),
    "stkCallback empty": raw({"Body": {"stkCallback": {}}}),
    "other letters": raw({"body": {"stkcallback": {}}}),
    "metadata a list": callback(CallbackMetadata=[]),
    "metadata a text": callback(CallbackMetadata="x"),
    "metadata a number": callback(CallbackMetadata=7),
    "items a text": callback(CallbackMetadata={"Item": "x"}),
    "items a number": callback(CallbackMetadata={"Item": 0}),
    "items false": callback(CallbackMetadata={"Item": False}),
}
NO_CODES: list[Any] = [
    False,
    True,
    None,
    0.0,
    1032.0,
    -1,
    "",
    "00",
    " 0",
    "0 ",
    "0\n",
    "+0",
    "-0",
    "0x0",
    "0.0",
    "false",
]
NO_CODES += ["\N{ARABIC-INDIC DIGIT ZERO}", "\N{FULLWIDTH DIGIT ZERO}", "01032", "1_032", "r000002"]
NO_CODES += [[], [0], {}, {"0": 0}, 10**11, "R" * 99]
NO_IDENTIFIERS: list[Any] = [
    None,
    "",
    7,
    True,
    [],
    {},
    "x" * 201,
    CHECKOUT + "\n",
    "ws\tCO",
    "ws_CO_é",
    "\x7f",
]


@pytest.mark.parametrize("body", (TEXTS | SHAPES).values(), ids=TEXTS | SHAPES)
def test_a_hostile_body_is_unreadable_at_once(body):
    started = time.monotonic()
    with pytest.raises(Unreadable):
        read_stk_callback(body)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("code", NO_CODES, ids=lambda code: repr(code)[:20])
def test_a_strange_result_code_is_unreadable(code):
    with pytest.raises(Unreadable, match="ResultCode"):
        read_stk_callback(callback(code))


def test_a_missing_result_code_is_unreadable():
    with pytest.raises(Unreadable, match="ResultCode"):
        read_stk_callback(raw({"Body": {"stkCallback": {"CheckoutRequestID": CHECKOUT}}}))


@pytest.mark.parametrize("value", NO_IDENTIFIERS, ids=lambda value: repr(value)[:20])
def test_a_strange_checkout_id_is_unreadable(value):
    with pytest.raises(Unreadable, match="CheckoutRequestID"):
        read_stk_callback(callback(CheckoutRequestID=value))


@pytest.mark.parametrize("value", NO_IDENTIFIERS[1:], ids=lambda value: repr(value)[:20])
def test_a_strange_merchant_id_is_unreadable(value):
    with pytest.raises(Unreadable, match="MerchantRequestID"):
        read_stk_callback(callback(MerchantRequestID=value))


@pytest.mark.parametrize("body", [TEXTS["no JSON"], TEXTS["Latin-1"], callback("254712345678x")])
def test_what_is_wrong_is_said_without_the_body(body):
    with pytest.raises(Unreadable) as wrong:
        read_stk_callback(body)
    assert wrong.value.__cause__ is None
    assert len(str(wrong.value)) < 40


@pytest.mark.parametrize("size", [10_000, 40_000])
def test_a_body_of_quotes_takes_no_longer_than_its_length(size):
    started = time.monotonic()
    for text in (b'"' + b'\\"' * size, b'"' * size, b"\\" * size, b'{"' * size):
        with pytest.raises(Unreadable):
            strict_json(text)
    assert time.monotonic() - started < 1


def test_brackets_in_a_text_are_not_depth():
    assert strict_json(raw({"a\\": "[" * 99 + '"' + "{" * 99})) == {
        "a\\": "[" * 99 + '"' + "{" * 99
    }


def test_depth_is_allowed_to_its_limit():
    assert strict_json(b"[" * 20 + b"]" * 20)
    assert strict_json(b"[[]]", max_depth=2) == [[]]
    with pytest.raises(Unreadable, match="deeper than 1"):
        strict_json(b"[[]]", max_depth=1)


def test_decimals_stay_exact_and_real_characters_stay():
    assert strict_json(b'{"a": 0.1, "b": "\\ud83d\\ude00"}') == {"a": Decimal("0.1"), "b": "😀"}


@settings(deadline=None)
@given(st.binary())
def test_arbitrary_bytes_are_read_or_unreadable(body):
    only_unreadable(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([0, "0", CHECKOUT]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "Name": st.sampled_from(["Amount", "MpesaReceiptNumber", "TransactionDate"]) | JSON,
        "Value": JSON,
    },
)


@settings(deadline=None)
@given(JSON)
def test_arbitrary_json_is_read_or_unreadable(body):
    only_unreadable(json.dumps(body).encode())
    only_unreadable(json.dumps({"Body": {"stkCallback": body}}).encode())


@settings(deadline=None)
@given(st.lists(ITEM | JSON) | JSON, JSON, JSON)
def test_arbitrary_json_in_a_callback_is_read_or_unreadable(items, code, checkout):
    only_unreadable(callback(CallbackMetadata={"Item": items}))
    only_unreadable(callback(code, CheckoutRequestID=checkout, CallbackMetadata=items))


def only_unreadable(body):
    try:
        found = read_stk_callback(body)
    except Unreadable:
        return
    for text in (found.code, found.checkout_request_id, found.merchant_request_id, found.receipt):
        assert text is None or (text.isascii() and text.isprintable())
