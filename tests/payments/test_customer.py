"""The customer's buttons: retry, another number, "I did not enter my PIN"."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.daraja import Answer, Verdict
from app.errors import MustWait, Refused
from app.extensions import db
from app.jobs import work
from app.payments import charging, customer, reconciliation
from tests import factories

OTHER = "254722000000"


def settle(hook, body):
    factories.deliver(hook, body)
    work.settle_inbox()


def again(payment, phone=None):
    new, _ = customer.again(payment, phone, None)
    db.session.commit()
    return new


def later(**duration):
    return time_machine.travel(clock.now() + timedelta(**duration))


def test_a_retry_pays_the_same_invoice_with_a_second_payment(plan):
    payment, hook = factories.pending(plan)
    settle(hook, factories.failure())
    with later(seconds=121):
        new = again(payment)
    assert new.id != payment.id
    assert new.invoice_id == payment.invoice_id
    assert new.amount == payment.amount


def test_a_retry_twice_is_one_payment(plan):
    payment, hook = factories.pending(plan)
    settle(hook, factories.failure())
    with later(seconds=121):
        assert again(payment).id == again(payment).id


def test_a_retry_too_early_says_how_long_to_wait(plan):
    payment, hook = factories.pending(plan)
    settle(hook, factories.failure())
    with pytest.raises(MustWait):
        again(payment)


def test_what_is_paid_is_not_retried(plan):
    payment, hook = factories.pending(plan)
    settle(hook, factories.success())
    with pytest.raises(Refused, match="paid already"):
        again(payment)


def test_a_live_prompt_is_not_retried(plan):
    payment, _ = factories.pending(plan)
    with pytest.raises(MustWait):
        again(payment)


def test_another_number_may_be_used_while_a_prompt_is_open(plan):
    payment, hook = factories.pending(plan)
    new = again(payment, OTHER)
    assert new.phone == OTHER
    assert payment.status == "unconfirmed"
    settle(hook, factories.success())
    assert payment.status == "paid"


def test_the_same_number_is_not_another(plan):
    payment, _ = factories.pending(plan)
    with pytest.raises(MustWait):
        again(payment, factories.PHONE)


def test_an_unconfirmed_payment_waits_until_it_was_asked_about(plan):
    payment, _ = factories.pending(plan)
    with time_machine.travel(clock.now() + timedelta(seconds=125), tick=False) as traveller:
        charging.give_up_waiting()
        customer.denied(payment)
        db.session.commit()
        for answer in (None, Answer(Verdict.UNKNOWN, "HTTP 503", None)):
            if answer:
                asked(payment, answer)
            with pytest.raises(MustWait):
                again(payment)
            db.session.rollback()
        traveller.shift(1)
        asked(payment, Answer(Verdict.PENDING, "4999", None))
        new = again(payment)
    assert new.invoice_id == payment.invoice_id


def test_a_denial_while_the_prompt_may_still_ring_frees_nothing(plan):
    payment, _ = factories.pending(plan)
    with later(seconds=5):
        customer.denied(payment)
        db.session.commit()
    with later(seconds=20):
        asked(payment, Answer(Verdict.PENDING, "4999", None))
    with later(seconds=125):
        charging.give_up_waiting()
        db.session.commit()
        with pytest.raises(MustWait):
            again(payment)


def asked(payment, answer):
    reconciliation.answered(payment.id, answer)
    db.session.commit()


def test_an_unconfirmed_payment_may_be_retried_after_five_minutes(plan):
    payment, _ = factories.pending(plan)
    with later(seconds=301):
        charging.give_up_waiting()
        db.session.commit()
        again(payment)


def test_an_invoice_that_was_paid_meanwhile_is_not_asked_for_again(plan):
    payment, hook = factories.pending(plan)
    settle(hook, factories.failure())
    with later(seconds=121):
        new = again(payment)
        new_hook = factories.sent(new)
        settle(new_hook, factories.success(checkout_id="ws_CO_2"))
    settle(hook, factories.failure())
    with later(seconds=300), pytest.raises(Refused, match="paid already"):
        again(new)


def test_buttons_after_the_end_do_nothing(plan):
    payment, hook = factories.pending(plan)
    settle(hook, factories.failure())
    customer.entered(payment)
    customer.denied(payment)
    db.session.commit()
    assert payment.claimed_at is None
    assert payment.denied_at is None
    assert payment.next_question_at is None
