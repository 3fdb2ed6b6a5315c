import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulator.support import QUICK, Shop, simulated


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


@pytest.mark.parametrize(
    "push, status, told",
    [
        ("refuse_400", 400, "400.002.02"),
        ("busy", 500, "500.003.02"),
        ("429", 429, "policies.ratelimit.SpikeArrestViolation"),
        ("503", 503, "<html>"),
        ("locked", 500, "Unable to lock subscriber"),
        ("wrong_credentials", 500, "Wrong credentials"),
        ("token", 404, "404.001.03"),
    ],
)
def test_a_push_can_be_refused_without_a_prompt(shop, push, status, told):
    shop.script(push=push)
    answer = shop.push()
    assert answer.status_code == status
    assert told in answer.text
    assert shop.mpesa.payments() == []


@pytest.mark.parametrize("times", [1, None])
def test_a_refused_token_is_refused_once(shop, times):
    shop.script(push="token", outcome="2001", pin_after=0, times=times)
    assert shop.push().status_code == 404
    assert shop.ended(shop.pushed())["code"] == "2001"


@pytest.mark.parametrize(
    "push, status, body", [("lost", 502, b"<html>"), ("empty_200", 200, b""), ("cut", 502, b"")]
)
def test_an_answer_can_be_lost_while_the_phone_rings(shop, push, status, body):
    shop.script(push=push)
    answer = shop.push()
    assert answer.status_code == status
    assert answer.data.startswith(body)
    shop.until_prompted()


@pytest.mark.parametrize("push", ["hang", "delay:0.2"])
def test_an_answer_can_take_long_while_the_phone_rings(shop, push):
    shop.script(push=push, outcome="paid", pin_after=0)
    before = time.monotonic()
    answer = shop.push()
    assert time.monotonic() - before >= 0.2
    assert answer.status_code == 200
    assert shop.ended(answer.get_json()["CheckoutRequestID"])["state"] == "paid"


def test_a_script_says_how_long_a_push_hangs(shop):
    shop.control("faults", {"hang_seconds": 60})
    shop.script(push="hang", hang_seconds=0.1)
    before = time.monotonic()
    shop.pushed()
    assert 0.1 <= time.monotonic() - before < 30


def test_every_push_can_be_slow(shop):
    shop.control("faults", {"push_seconds": 0.2})
    before = time.monotonic()
    shop.pushed()
    assert time.monotonic() - before >= 0.2


@pytest.mark.parametrize(
    "fault, status, told",
    [
        ("refuse_503", 503, "<html>"),
        ("hang", 503, "<html>"),
        ("html", 200, "Incapsula"),
        ("429", 429, "Spike arrest"),
    ],
)
def test_everything_can_be_out_of_order(shop, fault, status, told):
    checkout = shop.pushed()
    shop.control("faults", {"everything": fault})
    url = "/oauth/v1/generate?grant_type=client_credentials"
    oauth = shop.client.get(url, auth=("key", "secret"))
    for answer in (oauth, shop.push(), shop.query(checkout)):
        assert answer.status_code == status
        assert told in answer.text
    assert len(shop.mpesa.payments()) == 1
    shop.control("faults", {"everything": "ok"})
    assert shop.new_token()


@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("GET", "/mpesa/stkpush/v1/processrequest", 405, "405.001"),
        ("POST", "/mpesa/nothing", 404, "404.001.01"),
    ],
)
def test_wrong_addresses_are_answered_in_safaricoms_words(shop, method, path, status, code):
    answer = shop.client.open(path, method=method)
    assert (answer.status_code, answer.get_json()["errorCode"]) == (status, code)


def test_other_wrong_addresses_are_not(shop):
    assert shop.client.get("/nothing").status_code == 404
    assert not shop.client.get("/nothing").is_json


def test_a_waiting_push_is_let_go_at_the_end():
    with simulated(replace(QUICK, hang_seconds=60)) as shop:
        shop.script(push="hang")
        shop.token()
        shop.mpesa.stop()
        shop.pushed()
