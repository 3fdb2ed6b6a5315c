"""What a reviewer once found in the settlement of Safaricom's messages: it stays mended."""

import json

import pytest
import responses

from app.billing.models import Plan
from app.daraja import NoAnswer, Reason, Refused
from app.extensions import db
from app.jobs import work
from app.payments import booking, charging, settlement
from app.payments.models import Callback
from tests import factories
from tests.daraja import safaricom as daraja
from tests.jobs.test_work import PUSH, YES
from tests.payments.test_concurrency import at_once
from tests.payments.test_review_questions import alerts, meeting, settled

OTHER = "254722000000"
INVOICE = "FROM invoice.*FOR NO KEY UPDATE"
SUBSCRIPTION = "FROM subscription.*FOR NO KEY UPDATE"


def collision(plan, safaricom):
    """A second payment, whose push is answered with the first one's id; and its hook token."""
    factories.pending(plan)
    payment, seen = factories.bought(plan, phone=OTHER), []

    def accept(request):
        seen.append(request.body)
        return 200, {}, json.dumps(YES)

    safaricom.add_callback("POST", PUSH, accept)
    assert work.send_one()
    return payment, str(seen[0]).split("/hooks/v1/d/")[1][:32]


def test_an_id_that_another_payment_has_leaves_the_payment_to_its_own_token(plan, safaricom):
    payment, hook = collision(plan, safaricom)
    assert payment.status == "pending"
    assert alerts() == ["same_id"]
    assert settled(hook, factories.success()) == "paid"
    assert payment.status == "paid"


def test_an_id_that_another_payment_has_is_told_once(plan, safaricom):
    _, hook = collision(plan, safaricom)
    settled(hook, factories.success())
    assert alerts() == ["same_id"]


def test_a_payment_with_anothers_id_may_fail_too(plan, safaricom):
    payment, hook = collision(plan, safaricom)
    assert settled(hook, factories.failure()) == "failed"
    assert payment.status == "failed"


def two_invoices(plan):
    """Of one subscription, the first void; and the hook token of each one's payment."""
    first, first_hook = factories.pending(plan)
    settled(first_hook, factories.failure())
    plan.price = 600
    db.session.commit()
    second, second_hook = factories.pending(plan, checkout_id="ws_CO_2")
    assert second.invoice_id != first.invoice_id
    return (first, first_hook), (second, second_hook)


def settle(callback_id):
    settlement.settle(db.session.get_one(Callback, callback_id))
    db.session.commit()


def test_money_for_a_void_invoice_and_for_the_next_one_do_not_lock_each_other_out(
    app, plan, set_setting
):
    set_setting(prompt_limits_enabled=False)
    (first, first_hook), (second, second_hook) = two_invoices(plan)
    other = factories.success(600, receipt="TKL4H7Q2MY", checkout_id="ws_CO_2")
    ids = [
        factories.deliver(first_hook, factories.success()),
        factories.deliver(second_hook, other),
    ]

    def run(n):
        arrive(n)
        settle(ids[n])

    with meeting(SUBSCRIPTION, INVOICE) as arrive:
        at_once(app, run, 2)
    assert {factories.fresh(first.id).status, factories.fresh(second.id).status} == {"paid"}
    assert second.invoice.paid_at
    assert booking.balance(second.invoice.subscription.subscriber_id) == 500


def test_money_for_a_void_invoice_and_a_new_purchase_do_not_lock_each_other_out(
    app, plan, set_setting
):
    set_setting(prompt_limits_enabled=False)
    (first, first_hook), (_, second_hook) = two_invoices(plan)
    settled(second_hook, factories.failure(checkout_id="ws_CO_2"))
    plan.price = 700
    db.session.commit()
    plan_id, callback_id = plan.id, factories.deliver(first_hook, factories.success())

    def run(n):
        arrive(n)
        if n == 0:
            settle(callback_id)
        else:
            payer = charging.Payer(factories.PHONE, None)
            charging.buy(db.session.get_one(Plan, plan_id), payer, "another-attempt")
            db.session.commit()

    with meeting(SUBSCRIPTION, INVOICE) as arrive:
        at_once(app, run, 2)
    assert factories.fresh(first.id).status == "paid"
    assert booking.balance(first.invoice.subscription.subscriber_id) == 500


def test_a_refusal_written_down_twice_calls_nobody(plan):
    payment = factories.bought(plan)
    factories.sent(payment)
    for _ in range(2):
        charging.refused(payment.id, Refused(Reason.BUSY, "500.003.02", "busy"))
        db.session.commit()
    assert (payment.status, payment.reason) == ("failed", "busy")
    assert alerts() == []


def test_a_200_with_a_code_that_nobody_knows_leaves_the_prompt_possible(plan, safaricom):
    payment = factories.bought(plan)
    safaricom.post(PUSH, json=YES | {"ResponseCode": "4999"})
    assert work.send_one()
    assert payment.status == "unconfirmed"
    assert payment.next_question_at


@pytest.mark.parametrize("code", ["4999", "1", "9", "abc", ""])
@responses.activate
def test_a_push_that_answers_200_and_an_unlisted_code_decides_nothing(code):
    daraja.gives_token()
    daraja.answers(daraja.PUSH, daraja.ACCEPTED | {"ResponseCode": code})
    with pytest.raises(NoAnswer):
        daraja.client().stk_push(daraja.PROMPT)
    assert len(daraja.asked(daraja.PUSH)) == 1
