from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulator.support import QUICK, Shop, signed, simulated


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


def paid(shop: Shop, **script: object) -> str:
    shop.script(outcome="paid", pin_after=0, **script)
    checkout = shop.pushed()
    shop.ended(checkout)
    return checkout


def test_an_open_payment_is_told_in_two_shapes_by_turns(shop):
    checkout = shop.pushed()
    shapes = [shop.query(checkout) for _ in range(4)]
    assert [shape.status_code for shape in shapes] == [500, 200, 500, 200]
    assert shapes[0].get_json()["errorCode"] == "500.001.1001"
    assert shapes[0].get_json()["errorMessage"] == "The transaction is being processed"
    assert shapes[1].get_json()["ResponseCode"] == "0"
    assert shapes[1].get_json()["ResultCode"] == "4999"


def test_too_early_the_id_is_not_known():
    with simulated(replace(QUICK, early_seconds=60)) as shop:
        answer = shop.query(shop.pushed())
        assert answer.status_code == 400
        assert answer.get_json()["errorMessage"] == "Bad Request - Invalid CheckoutRequestID"


def test_the_end_is_a_string_without_receipt_or_amount(shop):
    answer = shop.query(paid(shop)).get_json()
    assert answer["ResultCode"] == "0"
    assert set(answer) == {
        "ResponseCode",
        "ResponseDescription",
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResultCode",
        "ResultDesc",
    }


@pytest.mark.parametrize("body", [{"CheckoutRequestID": ""}, {"Timestamp": "1"}])
def test_the_bad_field_is_named(shop, body):
    answer = shop.query("ws_CO_1", **body)
    assert answer.status_code == 400
    assert answer.get_json()["errorCode"] == "400.002.02"


def test_a_query_needs_a_token_json_and_the_right_password(shop):
    assert shop.query("x", token="wrong").status_code == 404
    assert (
        shop.query("x", **signed(passkey="other")).get_json()["errorMessage"] == "Wrong credentials"
    )
    assert shop.send("/mpesa/stkpushquery/v1/query", []).status_code == 400


def test_an_unknown_id_does_not_exist(shop):
    answer = shop.query("ws_CO_1")
    assert answer.status_code == 500
    assert answer.get_json()["errorMessage"] == "The transaction does not Exist"


def test_another_merchants_payment_does_not_exist(shop):
    checkout = shop.pushed()
    facts = {"consumer_key": "key", "consumer_secret": "secret", "passkey": "passkey"}
    shop.control("merchants", facts | {"shortcode": "17437"})
    # 17437 + "9passkey…" signs the same text: only the shortcode tells them apart.
    shop.control("merchants", facts | {"shortcode": "17437", "passkey": "9passkey"})
    assert shop.query(checkout, BusinessShortCode="17437").status_code == 500


@pytest.mark.parametrize(
    "query, status, told",
    [
        ("4999", 200, '"ResultCode":"4999"'),
        ("processing", 500, "The transaction is being processed"),
        ("429", 429, "Spike arrest violation"),
        ("html", 200, "<html>"),
        ("early", 400, "Invalid CheckoutRequestID"),
        ("contradict", 200, '"ResultCode":"1032"'),
        ("1037_early", 200, '"ResultCode":"0"'),
        ("unknown:7777", 200, '"ResultCode":"7777"'),
    ],
)
def test_odd_answers_about_a_paid_payment(shop, query, status, told):
    answer = shop.query(paid(shop, query=query))
    assert answer.status_code == status
    assert told in answer.text


def test_1037_while_the_prompt_is_open(shop):
    shop.script(query="1037_early")
    assert shop.query(shop.pushed()).get_json()["ResultCode"] == "1037"


def test_only_the_end_is_contradicted(shop):
    shop.script(query="contradict")
    checkout = shop.pushed()
    assert shop.query(checkout).status_code == 500
    shop.answer("wrong")
    assert shop.query(checkout).get_json()["ResultCode"] == "2001"


def test_questions_can_be_limited_per_minute(shop, monkeypatch):
    checkout = paid(shop)
    shop.control("faults", {"query_per_minute": 2})
    answers = [shop.query(checkout).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    monkeypatch.setattr("app.simulator.merchants.MINUTE", 0)
    assert shop.query(checkout).status_code == 200
    shop.control("faults", {"query_per_minute": None})
    assert shop.query(checkout).status_code == 200


def test_a_payment_can_be_rescripted(shop):
    checkout = paid(shop, query="4999")
    shop.control(f"payments/{checkout}/script", {"query": "ok"})
    assert shop.query(checkout).get_json()["ResultCode"] == "0"
    shop.control(f"payments/{checkout}/script", {"push": "ok"}, 400)
