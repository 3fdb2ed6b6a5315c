"""What customers read while M-PESA is sick (ADR 17)."""

from datetime import timedelta

import pytest

from app import clock
from app.extensions import db
from app.jobs import work
from app.payments.models import Payment
from tests import factories
from tests.payments.sick import ending, hung, outage, silent, taken
from tests.web import forms

FORM = "/subscribe/standard"


def text(answer):
    return forms.section(answer).get_text(" ", strip=True)


def payments():
    return db.session.query(Payment).order_by(Payment.id).all()


def soon():
    return clock.now() + timedelta(seconds=45)


def own(client, payment):
    with client.session_transaction() as cookie:
        cookie["mine"] = [payment.token]


def test_without_an_outage_nothing_is_said(client, plan):
    outage("600123")
    page = client.get(FORM)
    assert "busy" not in text(page)
    assert forms.section(page).find("button").text == "Pay KSh\xa0500"
    assert "anyway" not in forms.fields(page)


def test_the_form_says_so_before_anybody_waits(client, plan):
    outage(look_at=soon())
    page = client.get(FORM)
    assert text(page).startswith("M-PESA is very busy This is on M-PESA ")
    button = forms.section(page).find("button")
    assert button["aria-disabled"] == "true"
    assert button["data-ready"] == "Try anyway"
    assert button.text.strip().startswith("Try again in 0:4")


def test_a_form_from_before_is_answered_at_once_and_nothing_is_lost(client, plan):
    sent = forms.fields(client.get(FORM)) | {"phone": "0712 345 678"}
    outage()
    answer = client.post(FORM, data=sent)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "M-PESA is very busy" in text(answer)
    assert "Nothing was sent, and nothing was charged for this try." in text(answer)
    assert payments() == []
    again = forms.fields(answer)
    assert again["phone"] == "0712 345 678"
    assert forms.section(answer).find("button").text == "Try anyway"
    assert client.post(FORM, data=again).status_code == 303
    assert taken() == payments()[0].id


def test_who_tries_out_of_turn_is_told_when_without_javascript(client, plan):
    outage(look_at=soon())
    answer = forms.order(client)
    assert answer.status_code == 429
    assert 40 <= int(answer.headers["Retry-After"]) <= 45
    assert payments() == []


def test_a_fragment_gets_the_same_words(client, plan):
    outage(look_at=soon())
    sent = forms.fields(client.get(FORM)) | {"phone": "0712 345 678"}
    answer = client.post(FORM, data=sent, headers={"HX-Request": "true"})
    assert answer.status_code == 429
    assert "M-PESA is very busy" in text(answer)


def test_a_bad_number_is_explained_all_the_same(client, plan):
    outage()
    answer = forms.order(client, phone="12")
    assert answer.status_code == 422
    assert "Enter a Safaricom number" in text(answer)
    assert "Try anyway" in text(answer)


def test_a_pause_says_until_when_and_offers_nothing(client, plan):
    outage(by_hand=True, look_at=soon())
    page = client.get(FORM)
    assert text(page).startswith("M-PESA payments are paused Please come back after ")
    assert not forms.section(page).find("button")
    assert forms.order(client).status_code == 429


def test_in_kiswahili(client, plan):
    outage()
    said = text(client.get(f"{FORM}?lang=sw"))
    assert said.startswith("M-PESA ina shughuli nyingi Tatizo liko upande wa M-PESA")
    assert "Jaribu hata hivyo" in said


def phase(client, payment):
    own(client, payment)
    return text(client.get(f"/pay/{payment.token}"))


def test_a_request_that_is_held_has_sent_nothing(client, plan):
    payment = factories.bought(plan)
    outage(opened_at=clock.now(), look_at=soon())
    said = phase(client, payment)
    assert "M-PESA is very busy" in said
    assert "nothing has been sent to 0712 345 678 yet" in said.replace("\xa0", " ")
    assert "You have not been charged" in said


def test_one_that_hangs_may_still_come(client, plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    outage()
    said = phase(client, payment)
    assert "it is slow to answer" in said
    assert "You have paid. Do not pay again." in said
    assert "You have not been charged" not in said


@pytest.mark.parametrize("fate", [hung, silent])
def test_one_that_nobody_told_us_about_is_not_paid_again(client, plan, fate):
    payment = fate(plan)
    outage()
    said = phase(client, payment)
    assert "M-PESA is very busy, and has not told us yet" in said
    assert "You have paid. Do not pay again." in said


def test_a_prompt_on_the_phone_goes_on_as_usual(client, plan):
    payment, _ = factories.pending(plan)
    outage()
    assert "very busy" not in phase(client, payment)


def test_after_a_failure_the_next_try_waits_for_its_turn(client, plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    payment = ending(1)(plan)
    outage(look_at=soon())
    own(client, payment)
    page = client.get(f"/pay/{payment.token}")
    assert "only a few requests go out at the moment" in text(page)
    assert forms.section(page).find("button")["aria-disabled"] == "true"
    answer = forms.press(client, f"/pay/{payment.token}/retry")
    assert answer.status_code == 422
    assert "M-PESA is very busy. Please try again in " in text(answer)


def test_the_page_changes_when_an_outage_begins(client, plan):
    payment = factories.bought(plan)
    url = f"/pay/{payment.token}/status"
    before = client.get(url).text.partition("?v=")[2][:10]
    assert client.get(f"{url}?v={before}").status_code == 204
    outage(opened_at=clock.now(), look_at=soon())
    assert client.get(f"{url}?v={before}").status_code == 200


def test_what_m_pesa_tells_us_meanwhile_is_booked(client, plan):
    payment, hook = factories.pending(plan)
    outage()
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert "Payment received" in phase(client, payment)
