"""Pay links: what they carry, their pictures, and the way back to the merchant."""

from dataclasses import replace

import html5lib
import pytest
from sqlalchemy import select

from app import merchants
from app.billing.pay_links import pay_link
from app.extensions import db
from app.merchants import face
from app.payments.models import Payment
from app.web import face as looks
from tests import factories
from tests.web import forms
from tests.web.known import PAID, application

LINK = "/m/default/subscribe/standard?ref=INV+77&return=https://shop.test/thanks/77"


@pytest.fixture
def shop(plan):
    merchant = merchants.named("default")
    face.set_return_urls(merchant, ["https://shop.test/thanks"], actor="test")
    db.session.commit()
    return merchant


def bought(client, link, **changes):
    sent = forms.fields(client.get(link)) | {"phone": "0712345678"} | changes
    answer = client.post(link.partition("?")[0], data=sent)
    assert answer.status_code == 303
    return answer.location


def only_payment():
    return db.session.scalars(select(Payment)).one()


def test_a_pay_link_carries_the_merchants_reference_and_the_way_back(client, shop):
    page = client.get(bought(client, LINK))
    assert "INV 77" in forms.page(page).find(class_="summary").text
    payment = only_payment()
    assert (payment.ref, payment.return_url) == ("INV 77", "https://shop.test/thanks/77")


def test_a_retry_keeps_them(client, shop, safaricom):
    old = bought(client, LINK)
    payment = only_payment()
    factories.sent(payment)
    factories.accepted(payment)
    forms.press(client, f"{old}/number", phone="0722000001")
    new = db.session.scalars(select(Payment).where(Payment.retry_of_id == payment.id)).one()
    assert (new.ref, new.return_url) == ("INV 77", "https://shop.test/thanks/77")


def test_a_place_that_the_merchant_did_not_allow_is_not_kept(client, shop):
    bought(client, LINK.replace("shop.test", "evil.test"))
    assert only_payment().return_url == "https://shop.test/thanks"


def test_what_the_browser_changes_is_checked_again(client, shop):
    bought(client, LINK, **{"return": "https://evil.test/"})
    assert only_payment().return_url == "https://shop.test/thanks"


@pytest.mark.parametrize("ref", ["x" * 65, "a%00b", "a%E2%80%AEb"])
def test_an_impossible_reference_is_said_to_be_one(client, plan, ref):
    answer = client.get(f"/subscribe/standard?ref={ref}")
    assert answer.status_code == 400
    assert "reference in this link" in answer.text


@pytest.mark.parametrize(
    "back, ref, leads",
    [
        (None, None, "/"),
        ("https://shop.test/a", None, "https://shop.test/a"),
        ("https://shop.test/a", "INV 77", "https://shop.test/a?ref=INV+77"),
        ("https://shop.test/a?b=1", "x&y", "https://shop.test/a?b=1&ref=x%26y"),
    ],
)
def test_continue_leads_back_with_the_reference(back, ref, leads):
    with application().test_request_context():
        assert looks.onward(replace(PAID, return_url=back, ref=ref)) == leads


@pytest.mark.parametrize("path", ["/subscribe/standard", "/m/default/subscribe/standard"])
def test_a_qr_code_is_a_picture_of_the_pay_link(client, plan, path):
    plain = client.get(f"{path}/qr.svg")
    assert plain.mimetype == "image/svg+xml"
    html5lib.parseFragment(plain.text)
    assert plain.text.startswith("<svg")
    assert client.get(f"{path}/qr.svg?ref=INV+77").text != plain.text
    assert client.get("/subscribe/nothing/qr.svg").status_code == 404


def test_a_pay_link_is_the_whole_url(client, plan):
    link = pay_link(plan, {"ref": "INV 77"})
    assert link == "http://localhost/m/default/subscribe/standard?ref=INV+77"
    assert client.get(link).status_code == 200


def test_help_shows_whom_one_pays(client, plan):
    factories.merchant()
    assert "Duka Mbili" in client.get("/help/mpesa?m=duka").text
    assert client.get("/help/mpesa").status_code == 200
    assert client.get("/help/mpesa?m=nobody").status_code == 200


def test_a_merchants_colours_are_readable():
    shades = dict(
        pair.split(":") for pair in looks.face_css("#767676")[len(":root{") : -1].split(";")
    )
    assert set(shades) == {"--brand", "--brand-2", "--brand-wash", "--panel", "--panel-ink"}
    assert face.contrast_with_white(shades["--panel"]) > face.contrast_with_white("#767676")
    panel, ink = (face.contrast_with_white(shades[name]) for name in ("--panel", "--panel-ink"))
    assert panel / ink >= 4.5
    brand, wash = (face.contrast_with_white(shades[name]) for name in ("--brand", "--brand-wash"))
    assert brand / wash >= 3  # the ring on its track, borders: 1.4.11
    assert looks.face_css(None) == ""


def test_a_logo_is_part_of_the_page(client, plan):
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
    face.set_logo(merchants.named("default"), svg, actor="test")
    db.session.commit()
    assert forms.page(client.get("/")).find("img")["src"].startswith("data:image/svg+xml,%3Csvg")
