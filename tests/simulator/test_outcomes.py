import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from random import Random

import pytest

from app.clock import now
from app.simulator import books
from app.simulator.books import Books
from tests.simulator.support import PHONE, QUICK, Shop, simulated


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


def test_the_right_pin_moves_the_money(shop):
    checkout = shop.pushed()
    shop.answer("1234")
    payment = shop.payment(checkout)
    assert (payment["state"], payment["code"]) == ("paid", "0")
    assert re.fullmatch(r"[A-Z][A-L][1-9A-V][A-Z0-9]{7}", payment["receipt"])
    assert payment["paid_at"] == payment["answered_at"]
    assert shop.mpesa.balance(PHONE) == 48_501


def test_a_wrong_pin_is_2001(shop):
    checkout = shop.pushed()
    shop.answer("9999")
    payment = shop.payment(checkout)
    assert (payment["state"], payment["code"], payment["receipt"]) == ("failed", "2001", None)
    assert shop.mpesa.texts(PHONE)[0].body.startswith("Failed. You have entered a wrong")


def test_cancel_is_1032(shop):
    checkout = shop.pushed()
    shop.until_prompted()
    shop.control(f"phones/{PHONE}/answer", {"cancel": True})
    assert shop.payment(checkout)["code"] == "1032"
    assert shop.mpesa.texts(PHONE) == []


@pytest.mark.parametrize("outcome", ["person", "no_pin"])
def test_nobody_answers_in_time(shop, outcome):
    shop.script(outcome=outcome, prompt_seconds=0.05)
    checkout = shop.pushed()
    assert shop.ended(checkout)["code"] == "1037"
    assert shop.query(checkout).get_json()["ResultDesc"] == "No response from user."


def test_the_simulators_own_patience():
    with simulated(replace(QUICK, prompt_seconds=0.05)) as shop:
        assert shop.ended(shop.pushed())["code"] == "1037"


def test_a_person_may_be_timed(shop):
    shop.script(pin_after=0.01)
    assert shop.ended(shop.pushed())["state"] == "paid"


@pytest.mark.parametrize("outcome, code", [("paid", "0"), ("0", "0"), ("1", "1"), ("2001", "2001")])
def test_prompts_that_answer_themselves(shop, outcome, code):
    shop.script(outcome=outcome, pin_after=0)
    payment = shop.ended(shop.pushed())
    assert payment["code"] == code
    assert payment["prompted_at"]


@pytest.mark.parametrize(
    "outcome",
    [
        "2",
        "3",
        "4",
        "8",
        "10",
        "11",
        "17",
        "26",
        "1001",
        "1025",
        "1037",
        "2002",
        "8006",
        "SFC_IC0003",
    ],
)
def test_payments_that_end_before_the_phone_rings(shop, outcome):
    shop.script(outcome=outcome, pin_after=0)
    payment = shop.ended(shop.pushed())
    assert payment["code"] == outcome
    assert payment["prompted_at"] is None


@pytest.mark.parametrize(
    "outcome, pin, code",
    [("paid", "0000", "0"), ("1", "1234", "1"), ("no_pin", "1234", "0"), ("1019", "1234", "1019")],
)
def test_a_person_can_be_quicker_than_the_script(shop, outcome, pin, code):
    shop.script(outcome=outcome, pin_after=60)
    checkout = shop.pushed()
    shop.answer(pin)
    assert shop.payment(checkout)["code"] == code


def test_money_that_is_not_there_does_not_move(shop):
    shop.control(f"phones/{PHONE}", {"balance": 1000})
    checkout = shop.pushed()
    shop.answer()
    assert shop.payment(checkout)["code"] == "1"
    assert "not have enough money" in shop.mpesa.texts(PHONE)[0].body
    shop.control("phones/*", {"balance": 10**6})
    checkout = shop.pushed()
    shop.answer()
    assert shop.payment(checkout)["code"] == "0"


def test_an_answer_counts_once(shop):
    shop.pushed()
    shop.answer()
    shop.control(f"phones/{PHONE}/answer", {"pin": "1234"}, 409)


def test_late_alarms_do_not_undo_a_payment(shop):
    shop.script(pin_after=None, prompt_seconds=0.1)
    checkout = shop.pushed()
    shop.answer()
    shop.mpesa._give_up(shop.mpesa.find(checkout))  # noqa: SLF001
    assert shop.payment(checkout)["state"] == "paid"


def test_a_phones_script_wins_over_everybodys(shop):
    shop.script(phone="*", outcome="1032", pin_after=0)
    shop.script(phone="0712345678", outcome="1019", pin_after=0, times=1)
    assert shop.ended(shop.pushed())["code"] == "1019"
    assert shop.ended(shop.pushed())["code"] == "1032"


def test_counted_scripts_queue_up_before_the_standing_one(shop):
    shop.script(outcome="26", pin_after=0)
    shop.script(outcome="1032", pin_after=0, times=2)
    shop.script(outcome="1019", pin_after=0, times=1)
    codes = [shop.ended(shop.pushed())["code"] for _ in range(4)]
    assert codes == ["1032", "1032", "1019", "26"]


def test_a_standing_script_replaces_all_before_it(shop):
    shop.script(outcome="1032", pin_after=0, times=2)
    shop.script(outcome="1019", pin_after=0)
    assert shop.ended(shop.pushed())["code"] == "1019"


@pytest.mark.parametrize(
    "day, prefix", [("2026-11-21", "UKL"), ("2024-01-09", "SA9"), ("2025-12-10", "TLA")]
)
def test_receipts_begin_with_the_date(monkeypatch, day, prefix):
    monkeypatch.setattr(books, "now", lambda: datetime.fromisoformat(f"{day}T12:00Z"))
    assert Books(Random(1), 0).new_receipt()[:3] == prefix  # noqa: S311


def test_no_receipt_comes_twice():
    random = Random(1)  # noqa: S311
    mine = Books(random, 0)
    state = random.getstate()
    first = mine.new_receipt()
    random.setstate(state)
    assert mine.new_receipt() != first


def test_two_payments_in_one_millisecond_differ(shop, monkeypatch):
    moment = now()
    monkeypatch.setattr(books, "now", lambda: moment)
    shop.control("faults", {"second_prompt": "callback"})
    assert len({shop.pushed() for _ in range(3)}) == 3


def test_paid_tells_what_moved(shop):
    shop.script(outcome="paid", pin_after=0)
    for phone in (PHONE, "254110000001"):
        shop.ended(shop.pushed(PhoneNumber=phone, Amount=500))
    shop.script(outcome="1032", pin_after=0)
    shop.ended(shop.pushed())
    paid = shop.client.get("/control/paid").get_json()
    assert (paid["count"], paid["total"]) == (2, 1000)
    assert {receipt["phone"] for receipt in paid["receipts"]} == {PHONE, "254110000001"}
    assert {receipt["account"] for receipt in paid["receipts"]} == {"MW-0042"}
