from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulator.pages import only, press, seen
from tests.simulator.support import PHONE, QUICK, Shop, eventually, simulated


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated() as it:
        yield it


def pressed(shop: Shop) -> str:
    [button] = seen(shop).select("button[name=outcome][aria-pressed=true]")
    return str(button["value"])


def chosen(shop: Shop, knob: str) -> str:
    [option] = seen(shop).select(f"#{knob} option[selected]")
    return option.text


def test_the_page_at_rest(shop):
    page = seen(shop)
    assert len(page.select("h1")) == 1
    assert "Demo. No real money moves on this page." in page.text
    assert page.select("#prompt") == []
    assert only(page, "#phone")["aria-label"] == "Phone 0712 345 678"
    assert only(page, "a[href='http://127.0.0.1:8000/']")
    assert "Nothing yet." in page.text
    for field in page.select("input:not([type=hidden]), select"):
        assert page.select_one(f"label[for={field['id']}]")


def test_only_its_own_things_are_loaded(shop):
    answer = shop.client.get("/")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for thing in seen(shop).select("link, script"):
        url = thing.get("href") or thing["src"]
        with shop.client.get(url) as loaded:
            assert loaded.status_code == 200
    assert "style=" not in answer.text


def test_the_phone_asks_and_is_answered(shop):
    shop.pushed()
    shop.until_prompted()
    prompt = only(seen(shop), "#prompt")
    assert "Do you want to pay Ksh1,499.00 to MWANGA ACADEMY, account MW-0042?" in prompt.text
    assert "(demo: 1234)" in prompt.text
    press(shop, "answer", phone=PHONE, pin="1234", do="ok")
    page = seen(shop)
    assert page.select("#prompt") == []
    [sms] = page.select(".sms")
    assert "Confirmed. Ksh1,499.00 sent to MWANGA ACADEMY for account MW-0042 on " in sms.text
    assert "New M-PESA balance is Ksh48,501.00" in sms.text


def test_cancel_on_the_phone(shop):
    checkout = shop.pushed()
    shop.until_prompted()
    press(shop, "answer", phone=PHONE, pin="1234", do="cancel")
    assert shop.payment(checkout)["code"] == "1032"


def test_an_answer_too_late_is_only_noted(shop):
    press(shop, "answer", pin="1234", do="ok")
    assert "No message to answer on 0712 345 678" in seen(shop).text


def test_the_newest_prompt_is_shown_unless_a_phone_is_chosen(shop):
    other = "254110000001"
    shop.pushed()
    shop.until_prompted()
    shop.pushed(PhoneNumber=other)
    shop.until_prompted(other)
    assert only(seen(shop), "#phone")["aria-label"] == "Phone 0110 000 001"
    assert seen(shop).select("#known option[value='0712 345 678']")
    chosen_page = seen(shop, "/?phone=0712345678")
    assert only(chosen_page, "#phone")["aria-label"] == "Phone 0712 345 678"
    shop.answer(phone=other)
    assert only(seen(shop), "#phone")["aria-label"] == "Phone 0712 345 678"
    shop.answer()
    assert only(seen(shop), "#phone")["aria-label"] == "Phone 0110 000 001"


def test_a_number_that_is_none_shows_the_usual_phone(shop):
    page = seen(shop, "/?phone=<b>")
    assert only(page, "#phone")["aria-label"] == "Phone 0712 345 678"


def test_after_a_form_the_same_phone_is_shown(shop):
    assert press(shop, "clear", chosen="0722 000 000").endswith("/?phone=0722+000+000")
    assert press(shop, "clear", chosen="") == "/"


def test_a_button_decides_the_next_payment_only(shop):
    assert pressed(shop) == "person"
    press(shop, "outcome", outcome="1037")
    assert pressed(shop) == "1037"
    shop.mpesa.scripts.behave({"pin_after": 0})
    assert shop.ended(shop.pushed())["code"] == "1037"
    assert pressed(shop) == "person"


def test_a_button_replaces_the_one_before(shop):
    press(shop, "outcome", outcome="paid")
    press(shop, "outcome", outcome="8899")
    press(shop, "outcome", outcome="person")
    shop.pushed()
    shop.until_prompted()
    assert pressed(shop) == "person"


def test_the_buttons_on_offer(shop):
    values = [button["value"] for button in seen(shop).select("button[name=outcome]")]
    assert values == (
        [
            "person",
            "paid",
            "1",
            "2001",
            "1032",
            "no_pin",
            "1037",
            "1019",
            "1001",
            "26",
            "1025",
            "8899",
        ]
    )
    for value in values:
        press(shop, "outcome", outcome=str(value))
        assert pressed(shop) == value


def test_the_selects_show_what_is(shop):
    assert chosen(shop, "prompt_delay") == "0 s"
    assert chosen(shop, "callback") == "0 s after the PIN"
    press(shop, "behaviour", prompt_delay="3", callback="twice", query="4999", push="lost")
    assert chosen(shop, "prompt_delay") == "3 s"
    assert chosen(shop, "callback") == "Twice"
    assert chosen(shop, "query") == "Still processing (4999)"
    assert chosen(shop, "push") == "Answer lost, yet the phone rings"


def test_every_offer_is_understood(shop):
    for select in seen(shop).select("select"):
        for option in select.select("option"):
            press(shop, "behaviour", **{str(select["name"]): str(option["value"])})
            assert chosen(shop, str(select["name"])) == option.text


def test_what_only_a_script_can_choose_is_shown_too(shop):
    shop.script(callback="storm:3", prompt_delay=0.25, callback_delay=1.5)
    assert chosen(shop, "callback") == "storm:3 (by script)"
    assert chosen(shop, "prompt_delay") == "0.25 s"
    assert "1.5 s after the PIN" in seen(shop).text


def test_behaviour_joins_a_chosen_outcome(shop):
    press(shop, "outcome", outcome="1032")
    press(shop, "behaviour", callback="never")
    shop.mpesa.scripts.behave({"pin_after": 0})
    payment = shop.mpesa.find(shop.ended(shop.pushed())["checkout_request_id"])
    assert (payment.script.outcome, payment.script.callback) == ("1032", "never")


def test_query_behaviour_reaches_payments_under_way(shop):
    checkout = shop.pushed()
    press(shop, "behaviour", query="429")
    assert shop.query(checkout).status_code == 429
    press(shop, "behaviour", callback="twice")
    assert shop.query(checkout).status_code == 429


@pytest.mark.parametrize(
    "path, form",
    [
        ("outcome", {}),
        ("outcome", {"outcome": "payed"}),
        ("behaviour", {"prompt_delay": "soon"}),
        ("behaviour", {"push": "well"}),
    ],
)
def test_what_is_not_on_offer_is_refused(shop, path, form):
    assert shop.client.post(f"/phone/{path}", data=form).status_code == 400


def test_the_log_can_be_cleared(shop):
    shop.pushed()
    shop.until_prompted()
    assert "Message shown on 0712 345 678" in only(seen(shop), "#log").text
    press(shop, "clear")
    assert "Message shown" not in seen(shop).text


def test_names_from_outside_are_only_text():
    with simulated(replace(QUICK, merchant_name="<script>x")) as shop:
        shop.pushed(AccountReference="<b>\"'&")
        shop.until_prompted()
        page = seen(shop)
        assert "<script>x, account <b>\"'&?" in only(page, "#prompt").text


def test_only_the_latest_texts_are_shown(shop):
    shop.script(outcome="paid", pin_after=0)
    for _ in range(12):
        shop.ended(shop.pushed(Amount=10))
    eventually(lambda: len(shop.mpesa.texts(PHONE)) == 12)
    texts = seen(shop).select(".sms")
    assert len(texts) == 10
    assert shop.mpesa.texts(PHONE)[-1].body in texts[0].text
