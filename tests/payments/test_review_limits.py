"""What a reviewer once found in the limits and the gates: it stays mended."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.billing.models import Plan
from app.daraja import Answer, Reason, Verdict
from app.errors import MustWait
from app.extensions import db
from app.jobs import work
from app.payments import charging, customer, reconciliation
from app.payments.charging import Payer
from tests import factories
from tests.payments.test_concurrency import at_once

OTHER = "254722000000"
ADDRESS = "1.2.3.4"
UNKNOWN = Answer(Verdict.UNKNOWN, "HTTP 503", None)
STILL = Answer(Verdict.PENDING, "4999", None)
UNREACHABLE = Answer(Verdict.FAILED, "1037", Reason.UNREACHABLE)


def clock_at(start, seconds):
    return time_machine.travel(start + timedelta(seconds=seconds), tick=False)


def settle(hook, body):
    factories.deliver(hook, body)
    work.settle_inbox()


def denied(payment):
    customer.denied(customer.payment(payment.token))
    db.session.commit()


def answered(payment, answer):
    reconciliation.answered(payment.id, answer)
    db.session.commit()


def waits_for(task):
    """By which rule it must wait; None when it need not."""
    try:
        task()
    except MustWait as refusal:
        db.session.rollback()
        return refusal.rule
    db.session.commit()
    return None


def again(payment, phone=None):
    return waits_for(lambda: customer.again(customer.payment(payment.token), phone, None))


def bought(plan, **more):
    return waits_for(lambda: factories.bought(plan, **more))


def lost(plan):
    """A payment whose push was never answered: there is no id to ask about it by."""
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    return payment, hook


@pytest.mark.parametrize(
    "denied_after, answer, rule",
    [
        (59, STILL, "unconfirmed"),
        (61, UNKNOWN, "unconfirmed"),
        (61, STILL, None),
        (61, None, "unconfirmed"),
        (None, STILL, "unconfirmed"),
    ],
)
def test_the_gate_opens_after_a_late_denial_and_a_word_of_safaricoms(
    plan, denied_after, answer, rule
):
    payment, _ = factories.pending(plan)
    start = payment.accepted_at
    with clock_at(start, denied_after or 60):
        if denied_after:
            denied(payment)
    with clock_at(start, 121):
        charging.give_up_waiting()
        db.session.commit()
        if answer:
            answered(payment, answer)
        assert again(payment) == rule


def test_an_answer_before_the_denial_opens_no_gate(plan):
    payment, _ = factories.pending(plan)
    start = payment.accepted_at
    with clock_at(start, 75):
        answered(payment, STILL)
    with clock_at(start, 121):
        charging.give_up_waiting()
        denied(payment)
        assert again(payment) == "unconfirmed"


def test_the_gate_of_what_cannot_be_asked_about_opens_by_time_alone(plan):
    payment, _ = lost(plan)
    start = payment.created_at
    with clock_at(start, 130) as traveller:
        denied(payment)
        traveller.shift(10)
        assert work.ask_one()
        assert payment.answered_at is None
        assert again(payment) == "unconfirmed"
    with clock_at(start, 301):
        assert again(payment) is None


@pytest.mark.parametrize("told_late", [False, True])
@pytest.mark.parametrize("price, gap", [(500, 120), (700, 60)])
def test_a_prompt_whose_answer_was_lost_and_that_failed_counts_from_its_sending(
    plan, price, gap, told_late
):
    other = plan if price == plan.price else factories.plan(code="other", price=price)
    start = clock.now()
    with clock_at(start, -20):
        payment = factories.bought(plan)
    with clock_at(start, 0):
        hook = factories.sent(payment)
        charging.unanswered(payment.id)
        db.session.commit()
    with clock_at(start, 50 if told_late else 5):
        settle(hook, factories.failure())
    with clock_at(start, gap - 1):
        assert bought(other) == "between prompts"
    with clock_at(start, gap + 1):
        assert bought(other) is None


def test_a_second_live_payment_for_one_invoice_has_to_wait(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    failed, hook = factories.pending(plan)
    settle(hook, factories.failure())
    live = factories.bought(plan)
    assert live.invoice_id == failed.invoice_id
    assert again(failed, OTHER) == "one prompt at a time"
    assert live.status == "created"


def test_an_invoice_that_another_phone_is_asked_for_has_to_wait_at_the_checkout(plan):
    failed, hook = factories.pending(plan)
    start = failed.created_at
    settle(hook, factories.failure())
    with clock_at(start, 100):
        assert again(failed, OTHER) is None
    with clock_at(start, 125):
        assert bought(plan) == "one prompt at a time"


def test_an_invoice_is_asked_for_five_times_an_hour_through_the_checkout_too(plan):
    start = clock.now()
    for n in range(5):
        with clock_at(start, 125 * n):
            _, hook = factories.pending(plan, checkout_id=f"ws_CO_{n}")
            settle(hook, factories.failure(checkout_id=f"ws_CO_{n}"))
    with clock_at(start, 125 * 5):
        assert bought(plan) == "invoice"
        assert bought(plan, phone=OTHER) is None  # an invoice of its own
    with clock_at(start, 3601):
        assert bought(plan, address=None) is None


def test_twelve_at_once_from_one_address_are_not_more_than_twenty(app, plan):
    plan_id = plan.id
    for n in range(19):
        payer = Payer(f"2547110000{n:02}", ADDRESS)
        charging.buy(plan, payer, f"attempt-before-{n}")
    db.session.commit()

    def buy(n):
        sold, payer = db.session.get_one(Plan, plan_id), Payer(f"2547220000{n:02}", ADDRESS)
        return waits_for(lambda: charging.buy(sold, payer, f"attempt-race-{n}"))

    assert sorted(at_once(app, buy, 12), key=str) == [None, *["address"] * 11]


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:1.2.3.4", "1.2.3.4", True),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.5", False),
        ("1.2.3.4", "1.2.3.5", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unknown", "1.2.3.4:4711", False),
    ],
)
def test_an_address_is_what_one_household_has(app, one, other, same):
    indexes = {Payer(factories.PHONE, address).address_index for address in (one, other)}
    assert len(indexes) == (1 if same else 2)


def test_twenty_addresses_of_one_household_are_one(plan):
    for n in range(20):
        payer = Payer(f"2547110000{n:02}", f"2001:db8::{n:x}")
        charging.buy(plan, payer, f"attempt-before-{n}")
    db.session.commit()
    assert bought(plan, phone=OTHER, address="2001:db8::abcd") == "address"
    assert bought(plan, phone=OTHER, address="2001:db8:0:1::abcd") is None
