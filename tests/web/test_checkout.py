import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.payments.models import Payment
from tests import factories
from tests.web import forms


def payments():
    return db.session.scalars(select(Payment).order_by(Payment.id)).all()


def test_the_plans_are_for_sale(client, plan):
    page = client.get("/")
    assert page.status_code == 200
    assert "Standard" in page.text
    assert "/subscribe/standard" in page.text


def test_another_merchants_plans_have_their_own_page(client, plan):
    factories.plan(factories.merchant(), code="gold", name="Gold")
    assert "Gold" in client.get("/m/duka").text
    assert "/m/duka/subscribe/gold" in client.get("/m/duka").text
    assert "Gold" not in client.get("/").text
    assert client.get("/subscribe/gold").status_code == 404
    assert client.get("/m/duka/subscribe/gold").status_code == 200


@pytest.mark.parametrize(
    "path", ["/m/nobody", "/subscribe/nothing", "/m/nobody/subscribe/x", "/nowhere"]
)
def test_what_is_not_there_is_a_designed_404(client, plan, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert forms.page(answer).find("h1")


def test_a_phone_number_makes_a_payment_and_leads_to_its_page(client, plan):
    answer = forms.order(client)
    [payment] = payments()
    assert answer.status_code == 303
    assert answer.location == f"/pay/{payment.token}"
    assert (payment.status, payment.amount, payment.phone) == ("created", 500, "254712345678")


def test_another_merchants_payment_is_that_merchants(client, plan):
    merchant = factories.merchant()
    factories.plan(merchant, code="gold")
    url = "/m/duka/subscribe/gold"
    sent = forms.fields(client.get(url)) | {"phone": "0712345678"}
    assert client.post(url, data=sent).status_code == 303
    assert payments()[0].merchant_id == merchant.id


@pytest.mark.parametrize(
    "phone", ["", "abc", "0712", "0202345678", "+1 212 555 1234", "٠٧١٢٣٤٥٦٧٨"]
)
def test_a_bad_number_is_explained_and_nothing_typed_is_lost(client, plan, phone):
    answer = forms.order(client, phone=phone)
    assert answer.status_code == 422
    assert "Enter a Safaricom number" in answer.text
    assert forms.fields(answer)["phone"] == phone
    assert payments() == []


def test_nothing_the_browser_sends_changes_the_amount(client, plan):
    forms.order(client, amount="1", price="1", merchant_id="2")
    assert payments()[0].amount == 500


def test_a_double_click_is_one_payment(client, plan):
    url = "/subscribe/standard"
    sent = forms.fields(client.get(url)) | {"phone": "0712345678"}
    first, second = client.post(url, data=sent), client.post(url, data=sent)
    assert first.location == second.location
    assert len(payments()) == 1


def test_a_reload_in_the_same_browser_lands_on_the_payment_under_way(client, plan):
    assert forms.order(client).location == forms.order(client).location


def test_another_browser_must_wait_and_learns_nothing(app, client, plan):
    forms.order(client)
    stranger = app.test_client()
    answer = forms.order(stranger)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert payments()[0].token not in answer.text
    assert forms.fields(answer)["phone"] == "0712 345 678"


def test_a_request_without_an_attempt_is_an_attempt_of_its_own(client, plan):
    forms.order(client, attempt="")
    forms.order(client, phone="0722000000", attempt="bad attempt!")
    assert len({payment.attempt for payment in payments()}) == 2


def test_a_form_without_a_csrf_token_does_nothing(client, plan):
    answer = client.post("/subscribe/standard", data={"phone": "0712345678"})
    assert answer.status_code == 400
    assert db.session.scalar(select(func.count()).select_from(Payment)) == 0


def test_a_retired_plan_is_not_sold(client, plan):
    plan.retired_at = plan.created_at
    db.session.commit()
    assert client.get("/subscribe/standard").status_code == 410
    assert "Standard" not in client.get("/").text
