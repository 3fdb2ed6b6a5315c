"""The phone beside the shop."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulator.pages import only, press, seen
from tests.simulator.support import PHONE, QUICK, Shop, simulated

HOME = "http://127.0.0.1:8001"
AT_HOME = replace(QUICK, address=HOME)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with simulated(AT_HOME) as it:
        yield it


def demo(shop: Shop, base_url: str = HOME):
    return seen(shop, "/demo", base_url)


def frames(page) -> list[str]:
    return [str(frame["src"]) for frame in page.select("iframe")]


def test_phone_and_shop_side_by_side(shop):
    page = demo(shop)
    assert frames(page) == ["/?view=demo", "http://127.0.0.1:8000/"]
    assert all(frame["title"] for frame in page.select("iframe"))
    assert "Demo. No real money moves on this page." in page.text
    assert len(page.select("h1")) == len(page.select("main")) == 1


def test_the_phones_own_page_leads_there(shop):
    assert only(seen(shop), "a[href='/demo']")
    assert only(seen(shop, "/?phone=0722000000"), "a[href='/demo?phone=0722000000']")


def test_one_phone_can_be_chosen_for_it(shop):
    page = seen(shop, "/demo?phone=0722000000", HOME)
    assert frames(page)[0] == "/?view=demo&phone=0722000000"


def test_in_its_frame_the_page_says_nothing_twice(shop):
    page = seen(shop, "/?view=demo")
    assert len(page.select("h1")) == len(page.select("main")) == 1
    assert page.select("header, a, iframe") == []
    assert len(seen(shop, "/?view=other").select("header")) == 1


def test_in_its_frame_the_phone_follows_the_newest_message(shop):
    shop.pushed(PhoneNumber="254722000000")
    shop.until_prompted("254722000000")
    assert only(seen(shop, "/?view=demo"), "#phone")["aria-label"] == "Phone 0722 000 000"


@pytest.mark.parametrize(
    "path, form",
    [
        ("answer", {"phone": PHONE, "pin": "1234", "do": "ok"}),
        ("language", {"phone": PHONE, "language": "sw"}),
        ("outcome", {"outcome": "1032"}),
        ("behaviour", {"callback": "twice"}),
        ("clear", {}),
    ],
)
def test_forms_return_to_their_view(shop, path, form):
    assert press(shop, path, **form) == "/"
    assert press(shop, path, **form, view="demo") == "/?view=demo"
    both = press(shop, path, **form, view="demo", chosen="0722000000")
    assert both == "/?phone=0722000000&view=demo"
    assert press(shop, path, **form, view="//elsewhere") == "/"


def test_every_form_carries_its_view(shop):
    shop.pushed()
    shop.until_prompted()
    forms = seen(shop, "/?view=demo").select("form")
    assert len(forms) == 6
    for form in forms:
        assert only(form, "input[name=view]")["value"] == "demo"


def test_what_is_out_of_order_is_said_where_the_knobs_are_folded_away(shop):
    assert "open" in only(seen(shop), "details.panel").attrs
    page = seen(shop, "/?view=demo")
    assert "open" not in only(page, "details.panel").attrs
    assert only(page, "#unusual").text == "As usual"
    press(shop, "behaviour", callback="never", push="lost", prompt_delay="3")
    told = only(seen(shop, "/?view=demo"), "#unusual").text
    assert told == (
        "Callback arrives: Never (status query must find it), "
        "Push request: Answer lost, yet the phone rings"
    )


def test_by_another_name_of_this_machine_one_is_led_to_the_shops_neighbour(shop):
    answer = shop.client.get("/demo?phone=0722000000", base_url="http://localhost:8001")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{HOME}/demo?phone=0722000000"
    bare = shop.client.get("/demo", base_url="http://localhost:8001")
    assert bare.headers["Location"] == f"{HOME}/demo"


def test_where_the_shop_would_not_show_itself_the_page_says_so(shop):
    for elsewhere in ("http://10.0.0.7:8001", "http://localhost:9001"):
        page = demo(shop, elsewhere)
        assert frames(page) == ["/?view=demo"]
        assert only(page, f"p a[href='{HOME}/demo']")
        assert only(page, "a[href='http://127.0.0.1:8000/']")


def test_on_another_host_the_shop_would_lose_its_cookie():
    with simulated(replace(AT_HOME, checkout_url="https://pay.example.co.ke/")) as shop:
        page = demo(shop)
        assert frames(page) == ["/?view=demo"]
        assert "another host" in page.text


def test_without_an_address_of_its_own_any_will_do():
    with simulated() as shop:
        assert len(frames(demo(shop, "http://127.0.0.1:5555"))) == 2


def test_only_the_shop_may_be_framed_and_only_we_may_frame(shop):
    for path in ("/", "/demo"):
        answer = shop.client.get(path, base_url=HOME)
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'self'" in policy
        assert "frame-src 'self' http://127.0.0.1:8000" in policy
        assert "frame-ancestors 'self'" in policy
        for word in ("style=", "<style", "onclick", "<script>"):
            assert word not in answer.text
