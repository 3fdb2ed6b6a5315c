from collections.abc import Iterator

import pytest

from tests.simulator.support import PHONE, Shop, eventually, simulated


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


@pytest.mark.parametrize(
    "path, body, told",
    [
        ("script", [], "JSON object"),
        ("script", {"outcom": "paid"}, "Unknown key 'outcom'"),
        ("script", {"outcome": "payed"}, "outcome cannot be 'payed'"),
        ("script", {"push": "ok:1"}, "push"),
        ("script", {"callback": "storm:0"}, "callback"),
        ("script", {"query": "unknown:"}, "query"),
        ("script", {"times": 0}, "times"),
        ("script", {"times": True}, "times"),
        ("script", {"pin_after": -1}, "pin_after"),
        ("script", {"pin_after": "1"}, "pin_after"),
        ("script", {"phone": "12"}, "phone cannot be '12'"),
        ("faults", {"everything": "broken"}, "everything"),
        ("faults", {"rotate_tokens": 1}, "rotate_tokens"),
        ("faults", {"query_per_minute": -1}, "query_per_minute"),
        ("merchants", {"shortcode": "1"}, "shortcode"),
        ("merchants", {"shortcode": "174379"}, "Missing: consumer_key"),
        (f"phones/{PHONE}/answer", {}, "Send"),
        (f"phones/{PHONE}/answer", {"pin": 1234}, "pin"),
        ("phones/nobody/answer", {"pin": "1234"}, "phone"),
        (f"phones/{PHONE}", {"balance": -1}, "balance"),
    ],
)
def test_a_slip_is_answered_with_a_sentence(shop, path, body, told):
    answer = shop.control(path, body, 400)
    assert told in answer.get_json()["error"]


def test_no_prompt_to_answer(shop):
    shop.control(f"phones/{PHONE}/answer", {"cancel": True}, 409)
    shop.script(prompt_delay=60)
    shop.pushed()
    shop.control("phones/0712345678/answer", {"pin": "1234"}, 409)


def test_faults_change_one_by_one(shop):
    shop.control("faults", {"push_seconds": 0.5})
    shop.control("faults", {"oauth": "hang"})
    faults = shop.client.get("/control/faults").get_json()
    assert (faults["push_seconds"], faults["oauth"], faults["everything"]) == (0.5, "hang", "ok")


def test_payments_can_be_picked(shop):
    shop.pushed(AccountReference="A")
    shop.pushed(PhoneNumber="254711111111", AccountReference="B")
    assert len(shop.client.get("/control/payments").get_json()) == 2
    [picked] = shop.client.get("/control/payments?account=B&state=open").get_json()
    assert picked["phone"] == "254711111111"
    assert picked["callback_url"] == shop.callback_url
    assert (picked["amount"], picked["shortcode"]) == (1499, "174379")


def test_reset_forgets_all_but_tokens_and_merchants(shop):
    token = shop.token()
    shop.script(outcome="1032", pin_after=0)
    shop.control("faults", {"oauth": "hang", "second_prompt": "callback", "query_per_minute": 1})
    shop.ended(shop.pushed())
    shop.control(f"phones/{PHONE}", {"balance": 1})
    shop.control("reset")
    assert shop.client.get("/control/payments").get_json() == []
    assert shop.client.get("/control/log").get_json() == []
    assert shop.client.get("/control/faults").get_json()["oauth"] == "ok"
    assert shop.mpesa.balance(PHONE) == 50_000
    checkout = str(shop.push(token).get_json()["CheckoutRequestID"])
    shop.answer()
    assert shop.payment(checkout)["state"] == "paid"


def test_reset_forgets_prompts_on_their_way(shop):
    shop.script(prompt_delay=0.1)
    shop.pushed()
    shop.control("reset")
    shop.script(prompt_delay=0.2)
    shop.pushed()
    eventually(lambda: shop.mpesa.prompt_on(PHONE))
    shown = [e for e in shop.client.get("/control/log").get_json() if "shown" in e["result"]]
    assert len(shown) == 1


def test_the_log_tells_the_story(shop):
    shop.script(outcome="paid", pin_after=0)
    shop.query(shop.ended(shop.pushed())["checkout_request_id"])
    told = [f"{e['what']} {e['result']}" for e in shop.client.get("/control/log").get_json()]
    assert told[0] == "GET /oauth 200 a token"
    assert any(line.startswith("POST /mpesa/stkpush ResponseCode 0, ws_CO_") for line in told)
    assert " Message shown on 0712 345 678" in told
    assert any("0712 345 678 paid Ksh1,499.00: " in line for line in told)
    assert told[-1].startswith("POST /mpesa/stkpushquery 0 The service")


def test_alive(shop):
    assert shop.client.get("/healthz").get_json() == {"status": "ok"}
