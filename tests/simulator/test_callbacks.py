import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.simulator.callbacks import OTHER_ID
from app.simulator.courier import shown
from tests.simulator.support import QUICK, Door, Shop, eventually, opened_door, simulated


@pytest.fixture
def door() -> Iterator[Door]:
    with opened_door() as it:
        yield it


@pytest.fixture
def shop(door: Door) -> Iterator[Shop]:
    with simulated() as it:
        it.callback_url = door.url
        yield it


def test_good_news_in_full(shop, door):
    shop.script(outcome="paid", pin_after=0)
    payment = shop.told(shop.pushed())
    news = door.news()
    items = {item["Name"]: item["Value"] for item in news["CallbackMetadata"]["Item"]}
    assert news["CheckoutRequestID"] == payment["checkout_request_id"]
    assert news["MerchantRequestID"] == payment["merchant_request_id"]
    assert news["ResultCode"] == 0
    assert items["Amount"] == 1499
    assert items["MpesaReceiptNumber"] == payment["receipt"]
    assert items["PhoneNumber"] == 254712345678
    assert isinstance(items["TransactionDate"], int)
    assert len(str(items["TransactionDate"])) == 14
    assert (payment["callbacks_sent"], payment["callback_statuses"]) == (1, [200])


def test_bad_news_in_short(shop, door):
    shop.script(outcome="1032", pin_after=0)
    shop.told(shop.pushed())
    assert set(door.news()) == {
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResultCode",
        "ResultDesc",
    }
    assert door.news()["ResultCode"] == 1032
    assert door.news()["ResultDesc"] == "Request Cancelled by user."


def test_codes_that_are_no_numbers_stay_words(shop, door):
    shop.script(outcome="SFC_IC0003", pin_after=0)
    shop.told(shop.pushed())
    assert door.codes() == ["SFC_IC0003"]


@pytest.mark.parametrize(
    "outcome, callback, codes",
    [
        ("paid", "twice", [0, 0]),
        ("paid", "storm:5", [0] * 5),
        ("paid", "late:0.05", [0]),
        ("paid", "fail_then_success", [1032, 0]),
        ("paid", "success_then_fail", [0, 1032]),
        ("2001", "fail_then_success", [2001]),
        ("2001", "amount:5", [2001]),
        ("2001", "no_metadata", [2001]),
    ],
)
def test_news_comes_as_often_as_scripted(shop, door, outcome, callback, codes):
    shop.script(outcome=outcome, callback=callback, pin_after=0)
    payment = shop.told(shop.pushed(), times=len(codes))
    assert door.codes() == codes
    assert payment["callbacks_sent"] == len(codes)


def test_the_callback_can_stay_away(shop, door):
    shop.script(outcome="paid", callback="never", pin_after=0)
    payment = shop.ended(shop.pushed())
    time.sleep(0.1)
    assert payment["state"] == "paid"
    assert shop.payment(payment["checkout_request_id"])["callbacks_sent"] == 0
    assert door.bodies == []


def test_the_callback_can_come_before_the_push_is_answered(shop, door):
    shop.script(outcome="paid", callback="before", pin_after=0, hang_seconds=30)
    checkout = shop.pushed()
    assert door.news()["CheckoutRequestID"] == checkout


def test_late_means_late(shop, door):
    shop.script(outcome="paid", callback="late:0.6", pin_after=0)
    shop.ended(shop.pushed())
    assert door.bodies == []
    eventually(lambda: door.bodies)


def test_a_script_sets_the_pace(shop, door):
    shop.script(outcome="paid", callback_delay=0.6, prompt_delay=0.5, pin_after=0)
    checkout = shop.pushed()
    assert shop.payment(checkout)["prompted_at"] is None
    shop.ended(checkout)
    assert door.bodies == []
    eventually(lambda: door.bodies)


def test_about_another_payment(shop, door):
    shop.script(outcome="paid", callback="other_id", pin_after=0)
    shop.told(shop.pushed())
    assert door.news()["CheckoutRequestID"] == OTHER_ID


def test_with_another_amount(shop, door):
    shop.script(outcome="paid", callback="amount:5", pin_after=0)
    shop.told(shop.pushed())
    [amount] = [
        i["Value"] for i in door.news()["CallbackMetadata"]["Item"] if i["Name"] == "Amount"
    ]
    assert amount == 5


def test_without_metadata(shop, door):
    shop.script(outcome="paid", callback="no_metadata", pin_after=0)
    shop.told(shop.pushed())
    assert door.codes() == [0]
    assert "CallbackMetadata" not in door.news()


def test_garbage_is_no_json(shop, door):
    shop.script(outcome="paid", callback="garbage", pin_after=0)
    shop.told(shop.pushed())
    with pytest.raises(UnicodeDecodeError):
        json.loads(door.bodies[0])


def test_what_the_door_said_is_kept(shop, door):
    door.status = 302
    shop.script(outcome="paid", pin_after=0)
    assert shop.told(shop.pushed())["callback_statuses"] == [302]
    assert len(door.bodies) == 1


def test_nobody_at_the_door(shop):
    shop.script(outcome="paid", pin_after=0)
    payment = shop.told(shop.pushed(CallBackURL="http://127.0.0.1:9/x"))
    assert payment["callback_statuses"] == ["ConnectionError"]
    results = [entry["result"] for entry in shop.client.get("/control/log").get_json()]
    assert "ConnectionError" in results


def test_a_callback_can_be_sent_again(shop, door):
    shop.script(outcome="paid", pin_after=0)
    checkout = shop.pushed()
    shop.told(checkout)
    shop.control(f"payments/{checkout}/callback")
    shop.told(checkout, times=2)
    assert door.bodies[0] == door.bodies[1]


def test_a_callback_can_be_forged(shop, door):
    checkout = shop.pushed()
    shop.control(f"payments/{checkout}/callback", {}, 409)
    shop.control(f"payments/{checkout}/callback", {"code": "0"})
    shop.told(checkout)
    shop.control(f"payments/{checkout}/callback", {"code": "1032"})
    payment = shop.told(checkout, times=2)
    assert door.codes() == [0, 1032]
    assert payment["state"] == "open"
    assert shop.client.get("/control/paid").get_json()["count"] == 0


def test_nothing_to_send_about_nothing(shop):
    shop.control("payments/ws_CO_1/callback", {}, 404)


def test_a_long_address_is_shortened_in_the_log():
    assert shown("https://shop.example/x") == "/x"
    assert shown("https://shop.example/hooks/v1/d/0123456789abcdef") == "/hooks/v1/d/0123456789ab…"


def test_the_end_waits_for_news_under_way(door):
    with simulated(replace(QUICK, callback_delay=0.0)) as shop:
        shop.callback_url = door.url
        shop.script(outcome="paid", callback="twice", pin_after=0)
        shop.ended(shop.pushed())
    assert shop.mpesa.payments()[0].callbacks_sent == len(door.bodies)
