"""What the customer sees, from the row and the clock."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.daraja import RESULTS, Answer, Verdict
from app.extensions import db
from app.jobs import work
from app.payments import charging, reconciliation
from app.payments.models import Payment
from tests import factories
from tests.web import forms


def later(**duration):
    return time_machine.travel(clock.now() + timedelta(**duration))


def started(client):
    """A payment that this browser started, as far as the prompt."""
    token = forms.order(client).location.split("/")[2]
    payment = db.session.query(Payment).filter_by(token=token).one()
    hook = factories.sent(payment)
    factories.accepted(payment)
    return payment, hook


def settle(hook, body):
    factories.deliver(hook, body)
    work.settle_inbox()


def status(client, payment, **more):
    return client.get(f"/pay/{payment.token}/status", **more)


def facts(client, payment):
    return status(client, payment, headers={"Accept": "application/json"}).json


def test_the_page_moves_through_its_phases(client, plan):
    token = forms.order(client).location.split("/")[2]
    payment = db.session.query(Payment).filter_by(token=token).one()
    assert facts(client, payment)["phase"] == "sending"
    hook = factories.sent(payment)
    factories.accepted(payment)
    seen = []
    for seconds in (1, 7, 61, 121):
        with later(seconds=seconds):
            seen.append(facts(client, payment)["phase"])
    assert seen == ["waiting_prompt", "waiting_pin", "processing", "unconfirmed"]
    settle(hook, factories.success())
    assert facts(client, payment) == {
        "phase": "paid",
        "status": "paid",
        "reason": None,
        "receipt": "TKL4H7Q2MX",
        "amount": 500,
        "seconds_left": None,
    }


def test_the_section_carries_the_facts(client, plan):
    payment, hook = started(client)
    settle(hook, factories.success())
    found = forms.section(client.get(f"/pay/{payment.token}"))
    assert found.name == "section"
    assert found["data-phase"] == "paid"
    assert found["data-status"] == "paid"
    assert found["data-receipt"] == "TKL4H7Q2MX"
    assert found["data-reason"] == ""


def test_nothing_new_is_204_and_news_is_the_section(client, plan):
    payment, hook = started(client)
    section = forms.section(client.get(f"/pay/{payment.token}"))
    url = section["hx-get"]
    assert client.get(url).status_code == 204
    settle(hook, factories.failure())
    answer = client.get(url)
    assert answer.status_code == 200
    assert forms.section(answer)["data-reason"] == "cancelled"


def test_the_page_stops_asking_once_the_payment_is_over(client, plan):
    payment, hook = started(client)
    assert forms.section(client.get(f"/pay/{payment.token}")).get("hx-trigger")
    settle(hook, factories.success())
    assert not forms.section(client.get(f"/pay/{payment.token}")).get("hx-trigger")


def test_money_known_by_question_only_has_no_number_yet(client, plan):
    payment, _ = started(client)
    reconciliation.answered(payment.id, Answer(Verdict.PAID, "0", None))
    db.session.commit()
    assert facts(client, payment)["phase"] == "paid_no_receipt"
    text = forms.section(client.get(f"/pay/{payment.token}")).get_text()
    assert "It is in your M-PESA SMS" in text


@pytest.mark.parametrize("code", sorted(RESULTS))
def test_every_outcome_has_its_own_reason_and_words(client, plan, code):
    payment, hook = started(client)
    settle(hook, factories.failure(int(code) if code.isdigit() else code))
    section = forms.section(client.get(f"/pay/{payment.token}"))
    assert section["data-phase"] == "failed"
    assert section["data-reason"] == RESULTS[code].value
    assert section.find("h1").text


def test_only_safaricoms_word_says_not_charged(client, plan):
    payment, hook = started(client)
    settle(hook, factories.failure(1))
    assert "You have not been charged" in client.get(f"/pay/{payment.token}").text


def test_our_own_clock_never_says_not_charged(client, plan):
    payment, _ = started(client)
    with later(seconds=200):
        charging.give_up_waiting()
        db.session.commit()
        text = client.get(f"/pay/{payment.token}").text
    assert "You have not been charged" not in text
    assert "Do not pay again" in text


def test_the_full_number_is_only_for_the_browser_that_typed_it(app, client, plan):
    payment, _ = started(client)
    with later(seconds=10):
        mine = client.get(f"/pay/{payment.token}").text
        theirs = app.test_client().get(f"/pay/{payment.token}").text
    assert "0712\u00a0345\u00a0678" in mine
    assert "345" not in theirs.replace("12345", "")
    assert "0712\u00a0•••\u00a0678" in theirs


def test_the_receipt_can_be_printed_and_hides_the_number(client, plan):
    payment, hook = started(client)
    assert client.get(f"/pay/{payment.token}/receipt").status_code == 404
    settle(hook, factories.success())
    text = client.get(f"/pay/{payment.token}/receipt").text
    assert "TKL4H7Q2MX" in text
    assert "0712\u00a0•••\u00a0678" in text


@pytest.mark.parametrize("path", ["", "/status", "/receipt"])
def test_an_unknown_token_is_404(client, plan, path):
    assert client.get(f"/pay/unknown{path}").status_code == 404


@pytest.mark.parametrize("path", ["/entered", "/retry", "/number", "/not-paid"])
def test_a_button_of_an_unknown_payment_is_404(client, plan, path):
    payment, _ = started(client)
    csrf = forms.fields_any(client.get(f"/pay/{payment.token}"))
    data = {"csrf_token": csrf, "phone": "0712345678"}
    assert client.post(f"/pay/unknown{path}", data=data).status_code == 404


def test_i_have_entered_my_pin_hurries_the_question(client, plan):
    payment, _ = started(client)
    with later(seconds=10):
        answer = forms.press(client, f"/pay/{payment.token}/entered")
        assert answer.status_code == 303
        assert facts(client, payment)["phase"] == "processing"
    assert factories.fresh(payment.id).question_rank == 0


def test_a_button_answers_htmx_with_the_fragment(client, plan):
    payment, _ = started(client)
    csrf = forms.fields_any(client.get(f"/pay/{payment.token}"))
    answer = client.post(
        f"/pay/{payment.token}/entered", headers={"HX-Request": "true", "X-CSRFToken": csrf}
    )
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<section")


def test_a_retry_makes_a_second_payment_for_the_same_invoice(client, plan):
    payment, hook = started(client)
    settle(hook, factories.failure())
    with later(seconds=121):
        answer = forms.press(client, f"/pay/{payment.token}/retry")
    assert answer.status_code == 303
    assert answer.location != f"/pay/{payment.token}"
    first, second = db.session.query(Payment).order_by(Payment.id)
    assert first.invoice_id == second.invoice_id


def test_a_retry_by_htmx_moves_the_page_to_the_new_payment(client, plan):
    payment, hook = started(client)
    settle(hook, factories.failure())
    csrf = forms.fields_any(client.get(f"/pay/{payment.token}"))
    with later(seconds=121):
        answer = client.post(
            f"/pay/{payment.token}/retry", headers={"HX-Request": "true", "X-CSRFToken": csrf}
        )
    assert forms.section(answer)["data-phase"] == "sending"
    assert answer.headers["HX-Push-Url"] != f"/pay/{payment.token}"


def test_a_retry_too_early_is_refused_with_the_wait(client, plan):
    payment, hook = started(client)
    settle(hook, factories.failure())
    answer = forms.press(client, f"/pay/{payment.token}/retry")
    assert answer.status_code == 422
    assert forms.section(answer)["data-phase"] == "failed"


def test_a_paid_payment_is_not_retried(client, plan):
    payment, hook = started(client)
    settle(hook, factories.success())
    assert forms.press(client, f"/pay/{payment.token}/retry").status_code == 422


def test_another_number_gets_its_own_prompt(client, plan):
    payment, _ = started(client)
    answer = forms.press(client, f"/pay/{payment.token}/number", phone="0722 000 000")
    assert answer.status_code == 303
    assert db.session.query(Payment).order_by(Payment.id.desc()).first().phone == "254722000000"


def test_a_bad_other_number_is_explained(client, plan):
    payment, _ = started(client)
    with later(seconds=10):
        answer = forms.press(client, f"/pay/{payment.token}/number", phone="0202")
    assert answer.status_code == 422
    assert "Enter a Safaricom number" in answer.text
    assert 'value="0202"' in answer.text


def test_whoever_has_only_the_link_does_not_learn_the_number_by_retrying(app, client, plan):
    payment, hook = started(client)
    settle(hook, factories.failure())
    with later(seconds=121):
        stranger = app.test_client()
        answer = forms.press(stranger, f"/pay/{payment.token}/retry")
        page = stranger.get(answer.location).text
    assert "0712\u00a0345\u00a0678" not in page


def test_i_did_not_enter_my_pin_asks_again(client, plan):
    payment, _ = started(client)
    with later(seconds=130):
        charging.give_up_waiting()
        db.session.commit()
        assert forms.press(client, f"/pay/{payment.token}/not-paid").status_code == 303
    assert factories.fresh(payment.id).denied_at


def test_safaricoms_ids_never_reach_a_browser(client, plan):
    payment, hook = started(client)
    with later(seconds=10):
        text = client.get(f"/pay/{payment.token}").text
    assert "ws_CO" not in text
    assert hook not in text


def test_money_for_an_invoice_that_is_paid_is_said_to_be_on_the_balance(client, plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, first_hook = started(client)
    settle(first_hook, factories.failure())
    _, second_hook = factories.pending(plan, checkout_id="ws_CO_2")
    settle(second_hook, factories.success(receipt="TKL4H7Q2MY", checkout_id="ws_CO_2"))
    settle(first_hook, factories.success())
    text = forms.section(client.get(f"/pay/{first.token}")).get_text()
    assert "balance" in text
    assert "active until" not in text


def test_the_gate_of_an_unconfirmed_payment_is_on_the_page_as_it_is_behind_it(
    client, plan, set_setting
):
    set_setting(prompt_limits_enabled=False)
    payment, _ = started(client)
    with later(seconds=130):
        charging.give_up_waiting()
        db.session.commit()
        button = forms.section(client.get(f"/pay/{payment.token}")).find(attrs={"data-wait": True})
        assert button is None or int(button["data-wait"]) > 100
        assert forms.press(client, f"/pay/{payment.token}/retry").status_code == 422
