"""What a reviewer once found in the odd messages of Safaricom's: it stays mended."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.jobs import work
from app.payments.models import Receipt
from tests import factories
from tests.payments.test_review_questions import (
    PAID,
    QUERY,
    SILENT,
    alerts,
    answered,
    ask_all,
    asked_at_its_time,
    clock_at,
    questions,
    said,
    settled,
)

SAFARICOMS = "196.201.214.200"
STRANGE = "6.6.6.6"


@pytest.fixture
def addresses(set_setting):
    set_setting(callback_addresses=(ip_network("196.201.214.0/24"),))


def receipts():
    return list(db.session.scalars(select(Receipt.code).order_by(Receipt.id)))


def hold(plan):
    """From now on each success of this merchant is asked about first."""
    plan.merchant.verify_above = 100
    db.session.commit()


@pytest.fixture(params=[False, True], ids=["a held success first", "a failure first"])
def backwards(request):
    return request.param


@pytest.fixture(params=[SAFARICOMS, STRANGE])
def told_both(request, plan, addresses, backwards):
    """A payment that two messages tell of; its success is held for its address or its amount."""
    if request.param == SAFARICOMS:
        hold(plan)
    payment, hook = factories.pending(plan)
    news = [(factories.success(), request.param), (factories.failure(), SAFARICOMS)]
    for body, address in reversed(news) if backwards else news:
        settled(hook, body, address=address)
    return payment


def test_a_failure_after_a_held_success_waits_for_safaricoms_word(told_both, backwards):
    assert told_both.status == ("failed" if backwards else "pending")
    assert told_both.next_question_at <= clock.now()


@pytest.mark.parametrize("code, end", [("0", "paid"), ("1032", "failed")])
def test_a_held_success_and_a_failure_end_as_safaricom_says(told_both, safaricom, code, end):
    safaricom.post(QUERY, **said(code))
    ask_all()
    assert told_both.status == end
    assert receipts() == (["TKL4H7Q2MX"] if end == "paid" else [])


def test_a_held_success_on_a_failed_payment_outlives_silence(plan, safaricom):
    hold(plan)
    payment, hook = factories.pending(plan)
    settled(hook, factories.failure())
    assert settled(hook, factories.success()).startswith("held")
    safaricom.post(QUERY, **SILENT)
    assert asked_at_its_time(payment, 5) == 5
    assert payment.status == "failed"
    safaricom.replace("POST", QUERY, **said("0"))
    asked_at_its_time(payment, 1)
    assert payment.status == "paid"


def test_a_held_success_is_not_forgotten_when_the_schedule_ends(plan, safaricom):
    """Nobody of ours worked for a day; Safaricom's first answer after it says nothing."""
    hold(plan)
    payment, hook = factories.pending(plan)
    safaricom.post(QUERY, **SILENT)
    with clock_at(clock.now() + timedelta(hours=25)):
        assert settled(hook, factories.success()).startswith("held")
        ask_all()
    safaricom.replace("POST", QUERY, **said("0"))
    asked_at_its_time(payment, 1)
    assert payment.status == "paid"


@pytest.mark.parametrize("amount", [500, 300])
def test_a_held_message_brings_its_facts_although_safaricom_first_said_no(plan, safaricom, amount):
    hold(plan)
    payment, hook = factories.pending(plan)
    assert settled(hook, factories.success(amount=amount)).startswith("held")
    safaricom.post(QUERY, **said("1032"))
    ask_all()
    assert payment.status == "failed"
    safaricom.replace("POST", QUERY, **said("0"))
    asked_at_its_time(payment, 1)
    assert payment.status == "paid"
    [receipt] = db.session.scalars(select(Receipt))
    assert (receipt.code, receipt.amount) == ("TKL4H7Q2MX", amount)


ODD_FAILURES = {
    "it names money": (factories.success(ResultCode=1032, ResultDesc="odd"), None),
    "another address": (factories.failure(), "6.6.6.6"),
}


@pytest.mark.parametrize("body, address", ODD_FAILURES.values(), ids=ODD_FAILURES)
def test_an_odd_failure_is_asked_about_before_it_is_believed(
    plan, safaricom, set_setting, body, address
):
    set_setting(callback_addresses=(ip_network("196.201.214.0/24"),))
    payment, hook = factories.pending(plan)
    assert settled(hook, body, address=address).startswith("held")
    assert payment.status == "pending"
    safaricom.post(QUERY, **said("1032"))
    ask_all()
    assert (payment.status, questions(safaricom)) == ("failed", 1)


def test_an_odd_failure_of_what_is_paid_does_not_fail_it(plan, safaricom):
    payment, hook = factories.pending(plan)
    settled(hook, factories.success(ResultCode=1032, ResultDesc="odd"))
    safaricom.post(QUERY, **said("0"))
    ask_all()
    assert payment.status == "paid"


def test_a_failure_by_a_number_that_nobody_knows_is_asked_about_twice(plan, safaricom):
    payment, hook = factories.pending(plan)
    settled(hook, factories.failure(8899))
    assert (payment.status, payment.reason) == ("failed", "unknown")
    safaricom.post(QUERY, **said("8899"))
    assert asked_at_its_time(payment, 9) == 2
    assert questions(safaricom) == 2


def test_money_behind_a_number_that_nobody_knows_is_found(plan, safaricom):
    payment, hook = factories.pending(plan)
    settled(hook, factories.failure(8899))
    safaricom.post(QUERY, **said("0"))
    asked_at_its_time(payment, 1)
    assert payment.status == "paid"


def test_a_receipt_number_joins_what_a_question_found_above_the_threshold(plan):
    hold(plan)
    payment, hook = factories.pending(plan)
    answered(payment, PAID)
    assert receipts() == [None]
    assert settled(hook, factories.success()) == "receipt number joined"
    assert receipts() == ["TKL4H7Q2MX"]
    assert alerts() == []


ADDRESSES = {
    "1.2.3.4:4711": "pending",
    "unknown": "pending",
    "": "pending",
    "fe80::1%eth0": "pending",
    "::ffff:6.6.6.6": "pending",
    "::ffff:196.201.214.200": "paid",
    "196.201.214.200": "paid",
}


@pytest.mark.parametrize("address, status", ADDRESSES.items())
@pytest.mark.parametrize("body", [factories.success(), factories.failure()], ids=["yes", "no"])
def test_no_address_is_too_odd_for_a_message(plan, addresses, address, status, body):
    payment, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, body, address)
    work.settle_inbox()
    assert factories.callback(callback_id).error is None
    assert (payment.status == "pending") == (status == "pending")


def nothing(_payment, _hook):
    pass


def paid(_payment, hook):
    settled(hook, factories.success())


def found_paid(payment, hook):
    answered(payment, PAID)


ODD = {
    "another amount": (nothing, factories.success(amount=300), ["odd_callback"]),
    "another id": (nothing, factories.success(checkout_id="other"), ["odd_callback"]),
    "no receipt": (nothing, factories.success(CallbackMetadata=None), ["odd_callback"]),
    "a failure after success": (paid, factories.failure(), ["contradiction"]),
    "another receipt": (paid, factories.success(receipt="TKL4H7Q2MZ"), ["contradiction"]),
    "an id that does not fit": (
        found_paid,
        factories.success(checkout_id="other"),
        ["contradiction"],
    ),
}


@pytest.mark.parametrize("before, body, told", ODD.values(), ids=ODD)
def test_one_odd_message_five_times_calls_staff_once(plan, before, body, told):
    payment, hook = factories.pending(plan)
    before(payment, hook)
    for _ in range(5):
        settled(hook, body)
    assert alerts() == told


def test_an_odd_message_that_was_answered_is_no_news_when_it_comes_again(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.success(checkout_id="other"))
    answered(payment, PAID)
    for _ in range(3):
        settled(hook, factories.success(checkout_id="other"))
    assert alerts() == ["odd_callback"]
