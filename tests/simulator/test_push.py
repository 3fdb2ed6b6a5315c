import base64
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulator.support import PHONE, QUICK, Shop, signed, simulated


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


def test_a_good_push_is_accepted_and_reaches_the_phone(shop):
    answer = shop.push()
    body = answer.get_json()
    assert answer.status_code == 200
    assert body["ResponseCode"] == "0"
    assert body["CustomerMessage"] == "Success. Request accepted for processing"
    assert body["ResponseDescription"] == "Success. Request accepted for processing"
    assert re.fullmatch(r"ws_CO_\d{17}712345678", body["CheckoutRequestID"])
    assert re.fullmatch(
        r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\d{6}", body["MerchantRequestID"]
    )
    shop.until_prompted()


def test_numbers_may_be_json_numbers(shop):
    numbers = {"BusinessShortCode": 174379, "PartyA": int(PHONE), "PartyB": 174379}
    assert shop.push(**numbers, PhoneNumber=int(PHONE), Amount="20").status_code == 200


@pytest.mark.parametrize(
    "field, value",
    [
        ("BusinessShortCode", "1743"),
        ("BusinessShortCode", "600000"),
        ("BusinessShortCode", None),
        ("BusinessShortCode", True),
        ("Timestamp", "2026112114430"),
        ("Timestamp", "20261321144300"),
        ("Timestamp", None),
        ("TransactionType", "CustomerPaybillOnline"),
        ("Amount", 0),
        ("Amount", 250_001),
        ("Amount", 10.5),
        ("Amount", "1.00"),
        ("Amount", -5),
        ("Amount", True),
        ("Amount", None),
        ("PartyA", "0712345678"),
        ("PartyB", "17"),
        ("PhoneNumber", "+254712345678"),
        ("PhoneNumber", "254212345678"),
        ("PhoneNumber", "25471234567"),
        ("CallBackURL", None),
        ("CallBackURL", "not a url"),
        ("CallBackURL", "ftp://shop.example/x"),
        ("CallBackURL", "http://shop.example/x"),
        ("CallBackURL", "https://"),
        ("CallBackURL", "https://[::1/x"),
        ("CallBackURL", "https://shop.example:99999/x"),
        ("CallBackURL", "https://shop.example/MPESA/x"),
        ("CallBackURL", "https://safaricom.example/x"),
        ("CallBackURL", "https://shop.example/query"),
        ("CallBackURL", "https://shop.example/sql"),
        ("CallBackURL", "https://shop.example/cmd"),
        ("CallBackURL", "https://shop.example/exec"),
        ("AccountReference", ""),
        ("AccountReference", None),
        ("AccountReference", "x" * 13),
        ("TransactionDesc", "x" * 14),
    ],
)
def test_the_bad_field_is_named(shop, field, value):
    answer = shop.push(**{field: value})
    assert answer.status_code == 400
    assert answer.get_json()["errorCode"] == "400.002.02"
    assert answer.get_json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.mpesa.payments() == []


@pytest.mark.parametrize(
    "url",
    ["https://shop.example/x", "http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x"],
)
def test_callback_urls_are_secure_or_at_home(shop, url):
    assert shop.push(CallBackURL=url).status_code == 200


def test_a_description_is_not_needed(shop):
    assert shop.push(TransactionDesc=None).status_code == 200


@pytest.mark.parametrize("most", [1, 250_000])
def test_the_limits_belong_to_the_range(shop, most):
    assert shop.push(Amount=most).status_code == 200


@pytest.mark.parametrize("body", [b"BusinessShortCode=174379", b"[]", b""])
def test_a_form_is_no_json(shop, body):
    headers = {"Authorization": f"Bearer {shop.token()}"}
    answer = shop.client.post("/mpesa/stkpush/v1/processrequest", data=body, headers=headers)
    assert answer.get_json()["errorMessage"] == "Bad Request - Invalid BusinessShortCode"


@pytest.mark.parametrize(
    "wrong", [{"Password": ""}, {"Password": "wrong"}, {"Timestamp": "20260101000000"}]
)
def test_a_wrong_password_is_wrong_credentials(shop, wrong):
    answer = shop.push(**wrong)
    assert answer.status_code == 500
    assert answer.get_json()["errorCode"] == "500.001.1001"
    assert answer.get_json()["errorMessage"] == "Wrong credentials"


def test_another_merchants_shortcode_is_not_ours(shop):
    other = {"consumer_key": "k2", "consumer_secret": "s2", "shortcode": "600000", "passkey": "p2"}
    shop.control("merchants", other | {"till": None, "name": "SHULE"})
    assert shop.push(BusinessShortCode="600000").get_json()["errorCode"] == "404.001.03"
    timestamp = signed()["Timestamp"]
    password = base64.b64encode(f"600000p2{timestamp}".encode()).decode()
    theirs = {"BusinessShortCode": "600000", "Password": password, "Timestamp": timestamp}
    answer = shop.push(shop.new_token("k2", "s2"), **theirs, PartyB="600000")
    assert answer.status_code == 200
    shop.until_prompted()
    assert "SHULE" in shop.client.get("/").text


def strange(clear: str, timestamp: str) -> dict[str, str]:
    password = base64.b64encode(clear.encode()).decode()
    return {
        "BusinessShortCode": "987654",
        "PartyB": "987654",
        "Password": password,
        "Timestamp": timestamp,
    }


def test_unknown_merchants_may_be_let_in_but_must_sign_properly():
    timestamp = signed()["Timestamp"]
    with simulated(replace(QUICK, accept_any_credentials=True)) as shop:
        token = shop.new_token("who", "knows")
        assert shop.push(token, **strange(f"987654any{timestamp}", timestamp)).status_code == 200
        for clear in (f"987654{timestamp}", f"111111any{timestamp}", "987654any20200101000000"):
            assert shop.push(token, **strange(clear, timestamp)).status_code == 500
        garbled = strange("", timestamp) | {"Password": "***"}
        assert shop.push(token, **garbled).status_code == 500
        binary = strange("", timestamp) | {"Password": base64.b64encode(b"\xff\xfe").decode()}
        assert shop.push(token, **binary).status_code == 500


@pytest.mark.parametrize(
    "kind, party, code",
    [
        ("CustomerBuyGoodsOnline", "5123456", "0"),
        ("CustomerBuyGoodsOnline", "174379", "2002"),
        ("CustomerPayBillOnline", "5123456", "2002"),
    ],
)
def test_store_and_till_mixed_up_fail_later(shop, kind, party, code):
    shop.script(outcome="paid", pin_after=0)
    checkout = shop.pushed(TransactionType=kind, PartyB=party)
    assert shop.ended(checkout)["code"] == code


def test_a_phone_has_one_prompt_at_a_time(shop):
    shop.script(phone=PHONE, outcome="1032", pin_after=0)
    shop.script(phone=PHONE, outcome="person", times=1)
    first = shop.pushed()
    answer = shop.push()
    assert answer.status_code == 500
    assert answer.get_json()["errorCode"] == "500.001.1001"
    assert answer.get_json()["errorMessage"].startswith("Unable to lock subscriber")
    assert shop.push(PhoneNumber="254722000000").status_code == 200
    shop.answer()
    assert shop.ended(first)["state"] == "paid"
    assert shop.ended(shop.pushed())["code"] == "1032"


def test_or_the_second_prompt_is_accepted_and_fails(shop):
    shop.control("faults", {"second_prompt": "callback"})
    shop.script(pin_after=None)
    first, second = shop.pushed(), shop.pushed()
    assert first != second
    shop.until_prompted()
    assert shop.ended(second)["code"] == "1001"
    assert shop.payment(first)["state"] == "open"
    shop.answer()
    assert shop.payment(first)["state"] == "paid"
