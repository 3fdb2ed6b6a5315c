"""Each SIM card speaks English or Swahili."""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

import pytest

from app.simulator import speech
from app.simulator.books import Books
from app.simulator.payments import Order, Payment
from app.simulator.scripts import Script
from tests.simulator.pages import only, press, seen
from tests.simulator.support import PHONE, QUICK, Shop, simulated

OTHER = "254722000000"
AFTERNOON = datetime(2026, 11, 21, 11, 43, tzinfo=UTC)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


def a_payment(**facts: object) -> Payment:
    order = Order(QUICK.merchant(), PHONE, 1499, "MW-0042", "", misrouted=False)
    payment = Books(Random(1), 0).open(order, Script())  # noqa: S311
    vars(payment).update(facts)
    return payment


def prompt(shop: Shop) -> str:
    shop.pushed()
    shop.until_prompted()
    return only(seen(shop), "#prompt").text


def sms(shop: Shop) -> str:
    return str(shop.mpesa.texts(PHONE)[-1].body)


def test_the_texts_read_like_mpesas():
    payment = a_payment(receipt="UKL4H7Q2MX")
    assert speech.confirmation("en", payment, AFTERNOON, 3210) == (
        "UKL4H7Q2MX Confirmed. Ksh1,499.00 sent to MWANGA ACADEMY for account MW-0042 on 21/11/26 "
        "at 2:43 PM. New M-PESA balance is Ksh3,210.00. Transaction cost, Ksh0.00."
    )
    assert speech.confirmation("sw", payment, AFTERNOON, 3210) == (
        "UKL4H7Q2MX Imethibitishwa. Ksh1,499.00 imetumwa kwa MWANGA ACADEMY kwa akaunti MW-0042 "
        "tarehe 21/11/26 saa 2:43 PM. Salio lako la M-PESA ni Ksh3,210.00. Gharama ya kutuma, "
        "Ksh0.00."
    )


@pytest.mark.parametrize("hour, said", [(21, "12:43 AM"), (9, "12:43 PM"), (6, "9:43 AM")])
def test_the_hour_is_as_people_say_it(hour, said):
    payment = a_payment(receipt="UKL4H7Q2MX")
    assert f" at {said}." in speech.confirmation("en", payment, AFTERNOON.replace(hour=hour), 0)


def test_both_languages_know_the_same_failures():
    english, swahili = speech.SPEECHES["en"], speech.SPEECHES["sw"]
    assert english.refusals.keys() == swahili.refusals.keys() == {"1", "2001"}
    assert speech.refusal("en", a_payment(code="1032"), 7) is None
    no_money = speech.refusal("sw", a_payment(code="1"), 7) or ""
    assert no_money.endswith(
        "kulipa Ksh1,499.00 kwa MWANGA ACADEMY. Salio lako la M-PESA ni Ksh7.00."
    )


def test_a_phone_speaks_english_at_first(shop):
    assert "Do you want to pay Ksh1,499.00 to MWANGA ACADEMY, account MW-0042?" in prompt(shop)
    form = only(seen(shop), "#prompt")
    assert form["lang"] == "en"
    assert [button.text for button in form.select("button")] == ["OK", "CANCEL"]


def test_the_sim_menu_changes_to_swahili(shop):
    press(shop, "language", phone=PHONE, language="sw")
    asked = prompt(shop)
    assert "Je, unataka kulipa Ksh1,499.00 kwa MWANGA ACADEMY, akaunti MW-0042?" in asked
    assert "Weka PIN ya M-PESA" in asked
    page = seen(shop)
    assert only(page, "#prompt")["lang"] == only(page, "#menu")["lang"] == "sw"
    assert [button.text for button in page.select("#prompt button")] == ["SAWA", "GHAIRI"]
    assert only(page, "#menu [aria-pressed=true]").text == "Kiswahili"
    assert "Menyu ya SIM" in only(page, "#menu summary").text


def test_a_message_under_way_changes_its_language_too(shop):
    prompt(shop)
    press(shop, "language", phone=PHONE, language="sw")
    assert "Je, unataka kulipa" in only(seen(shop), "#prompt").text


def test_the_sms_comes_in_the_language_of_its_time(shop):
    shop.script(outcome="paid", pin_after=0)
    shop.ended(shop.pushed())
    press(shop, "language", phone=PHONE, language="sw")
    shop.ended(shop.pushed())
    newest, oldest = seen(shop).select(".sms p")
    assert (newest["lang"], oldest["lang"]) == ("sw", "en")
    assert "Imethibitishwa. Ksh1,499.00 imetumwa kwa MWANGA ACADEMY" in newest.text
    assert "Salio lako la M-PESA ni Ksh47,002.00." in newest.text
    assert "Confirmed." in oldest.text


@pytest.mark.parametrize("code, told", [("1", "Huna pesa za kutosha"), ("2001", "isiyo sahihi")])
def test_failures_are_told_in_swahili(shop, code, told):
    shop.control(f"phones/{PHONE}", {"language": "sw"})
    shop.script(outcome=code, pin_after=0)
    shop.ended(shop.pushed())
    assert told in sms(shop)


def test_phones_differ(shop):
    press(shop, "language", phone="0722 000 000", language="sw")
    assert shop.mpesa.language(OTHER) == "sw"
    assert shop.mpesa.language(PHONE) == "en"


def test_the_control_api_sets_it_for_one_or_for_all(shop):
    shop.control(f"phones/{PHONE}", {"language": "en", "balance": 3})
    shop.control("phones/*", {"language": "sw"})
    assert shop.mpesa.language(PHONE) == shop.mpesa.language(OTHER) == "sw"
    shop.control(f"phones/{PHONE}", {"language": "en"})
    assert (shop.mpesa.language(PHONE), shop.mpesa.language(OTHER)) == ("en", "sw")
    assert shop.mpesa.balance(PHONE) == 3
    shop.control("reset")
    assert shop.mpesa.language(OTHER) == "en"


def test_other_languages_are_refused(shop):
    shop.control(f"phones/{PHONE}", {"language": "fr"}, 400)
    answer = shop.client.post("/phone/language", data={"phone": PHONE, "language": "<b>"})
    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"


def test_the_menu_shows_the_balance(shop):
    shop.control(f"phones/{PHONE}", {"balance": 3210})
    assert "Ksh3,210.00" in only(seen(shop), "#menu").text
