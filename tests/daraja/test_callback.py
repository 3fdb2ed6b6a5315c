"""What we take from Safaricom's callbacks."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.daraja import RESULTS, Reason, Verdict, read_stk_callback
from tests.daraja.callbacks import AMOUNT, CHECKOUT, DATE, ITEMS, MERCHANT, RECEIPT, callback, paid


def facts(raw):
    found = read_stk_callback(raw)
    return found.amount, found.receipt, found.paid_at


COMPLETE = (Decimal(20), "NLJ7RT61SV", datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC))


def test_a_payment_is_read_with_its_facts_in_utc():
    found = read_stk_callback(paid())
    assert (found.verdict, found.code, found.reason) == (Verdict.PAID, "0", None)
    assert (found.checkout_request_id, found.merchant_request_id) == (CHECKOUT, MERCHANT)
    assert (found.amount, found.receipt, found.paid_at) == COMPLETE
    assert found.paid_at is not None
    assert found.paid_at.tzinfo is UTC


def test_a_callbacks_repr_hides_the_phone_in_its_id():
    assert CHECKOUT not in repr(read_stk_callback(paid()))


def test_the_order_of_items_means_nothing():
    shuffled = random.sample(ITEMS, len(ITEMS))
    assert facts(paid(*shuffled)) == COMPLETE


def test_numbers_may_come_as_text():
    amount = AMOUNT | {"Value": "20.00"}
    assert facts(paid(amount, RECEIPT, DATE | {"Value": "20191219102115"})) == COMPLETE


@pytest.mark.parametrize(
    "strange",
    [
        None,
        "text",
        7,
        [],
        {},
        {"Value": 1},
        {"Name": None, "Value": 1},
        {"Name": 7, "Value": 1},
        {"Name": ["Amount"], "Value": 1},
        {"Name": "Balance", "Value": "{Amount={CurrencyCode=KES, BasicAmount=1.00}}"},
        {"Name": "Fresh", "Value": {"deep": []}},
        {"Name": "amount", "Value": 999},
        AMOUNT,
    ],
    ids=repr,
)
def test_strange_items_are_passed_over(strange):
    assert facts(paid(strange, *ITEMS, strange)) == COMPLETE


@pytest.mark.parametrize(
    "metadata", [None, {}, {"Item": None}, {"Item": []}, {"Item": {}}, {"Item": [None]}]
)
def test_a_payment_without_facts_is_a_payment(metadata):
    raw = callback(CallbackMetadata=metadata)
    assert read_stk_callback(raw).verdict is Verdict.PAID
    assert facts(raw) == (None, None, None)


def test_a_single_item_may_come_without_its_list():
    raw = callback(CallbackMetadata={"Item": RECEIPT})
    assert facts(raw) == (None, "NLJ7RT61SV", None)


def test_two_amounts_are_none():
    assert facts(paid(*ITEMS, AMOUNT | {"Value": 2000})) == (None, *COMPLETE[1:])


def test_success_may_be_a_text():
    assert read_stk_callback(callback("0")).verdict is Verdict.PAID


@pytest.mark.parametrize("code", RESULTS)
def test_every_code_of_the_table_is_a_failure_with_its_reason(code):
    found = read_stk_callback(callback(int(code) if code.isdigit() else code))
    assert (found.verdict, found.code, found.reason) == (Verdict.FAILED, code, RESULTS[code])


@pytest.mark.parametrize("code", [7777, "R000002", "C2B00011", "TP40153"])
def test_an_unknown_code_is_final(code):
    found = read_stk_callback(callback(code))
    assert (found.verdict, found.code, found.reason) == (Verdict.FAILED, str(code), Reason.UNKNOWN)


def test_4999_is_not_the_end():
    found = read_stk_callback(callback(4999))
    assert (found.verdict, found.reason) == (Verdict.PENDING, None)


def test_a_failure_that_brings_a_receipt_shows_the_contradiction():
    raw = callback(1032, CallbackMetadata={"Item": ITEMS})
    assert read_stk_callback(raw).verdict is Verdict.FAILED
    assert facts(raw) == COMPLETE


@pytest.mark.parametrize(
    "extra", [{"MerchantRequestID": None}, {"ResultDesc": None}, {"ResultDesc": {}}]
)
def test_what_nobody_needs_may_be_missing(extra):
    assert read_stk_callback(callback(0, **extra)).checkout_request_id == CHECKOUT


AMOUNTS = [
    (20, Decimal(20)),
    ("20", Decimal(20)),
    ("0.50", Decimal("0.50")),
    (250_000.0, Decimal(250_000)),
    (0, Decimal(0)),
]
NO_AMOUNTS: list[Any] = [
    None,
    True,
    False,
    -20,
    "-20",
    "",
    " 20",
    "20\n",
    "1_000",
    "1,000",
    "1e3",
    "NaN",
    "inf",
    "+20",
]
NO_AMOUNTS += ["\N{FULLWIDTH DIGIT ONE}00", "\N{ARABIC-INDIC DIGIT FIVE}", [20], {"a": 20}]
NO_AMOUNTS += [10**13, 1e300, 0.00001, 10**4000]


@pytest.mark.parametrize("value, amount", AMOUNTS)
def test_an_amount_is_digits(value, amount):
    assert facts(paid(AMOUNT | {"Value": value}))[0] == amount


@pytest.mark.parametrize("value", NO_AMOUNTS, ids=lambda value: repr(value)[:20])
def test_anything_else_is_no_amount(value):
    assert facts(paid(AMOUNT | {"Value": value}, RECEIPT, DATE)) == (None, *COMPLETE[1:])


def test_an_amount_with_an_endless_exponent_is_none():
    raw = paid(AMOUNT | {"Value": "X"}).replace(b'"X"', b"1e999999")
    assert facts(raw) == (None, None, None)


NO_RECEIPTS: list[Any] = [
    None,
    "",
    "nlj7rt61sv",
    "NLJ7RT61SV\n",
    " NLJ7RT61SV",
    "NLJ7RT6",
    "A" * 13,
    1234567890,
]
NO_RECEIPTS += ["NLJ7RT61S\N{FULLWIDTH DIGIT ONE}", "NLJ7-RT61", ["NLJ7RT61SV"]]


@pytest.mark.parametrize("value", NO_RECEIPTS, ids=repr)
def test_a_receipt_is_eight_to_twelve_capitals_and_digits(value):
    assert facts(paid(AMOUNT, RECEIPT | {"Value": value}))[:2] == (Decimal(20), None)


NO_DATES: list[Any] = [
    None,
    True,
    "",
    0,
    20191319102115,
    20190229102115,
    "20191219102161",
    2019121910211,
    10**40,
]
NO_DATES += [
    "00010101000000",
    "2019121910211\N{ARABIC-INDIC DIGIT FIVE}",
    "2019-12-19 10:21",
    [],
    2.5e13,
]


@pytest.mark.parametrize("value", NO_DATES, ids=repr)
def test_anything_but_a_moment_of_this_century_is_no_time(value):
    assert facts(paid(AMOUNT, DATE | {"Value": value})) == (Decimal(20), None, None)
