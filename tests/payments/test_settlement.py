"""What Safaricom's messages come to: each case of money rules M1-M7."""

from datetime import timedelta
from ipaddress import ip_network

import time_machine
from sqlalchemy import func, select

from app import clock, ledger
from app.daraja import Answer, Reason, Refused, Verdict
from app.extensions import db
from app.jobs import work
from app.payments import booking, charging, reconciliation
from app.payments.alerts import Alert
from app.payments.models import Callback, Receipt
from tests import factories

PAID = Answer(Verdict.PAID, "0", None)
CANCELLED = Answer(Verdict.FAILED, "1032", Reason.CANCELLED)
UNKNOWN = Answer(Verdict.UNKNOWN, "", None)


def settled(hook, body, **more):
    """Delivers and settles; answers what it came to."""
    callback_id = factories.deliver(hook, body, **more)
    work.settle_inbox()
    return factories.callback(callback_id).outcome


def answer(payment, given):
    reconciliation.answered(payment.id, given)
    db.session.commit()


def receipts():
    return db.session.scalars(select(Receipt).order_by(Receipt.id)).all()


def alerts():
    return list(db.session.scalars(select(Alert.kind).order_by(Alert.id)))


def balance_of(payment):
    return booking.balance(payment.invoice.subscription.subscriber_id)


def periods(payment):
    return payment.invoice.subscription.paid_through


def test_money_received_is_time_given(plan):
    payment, hook = factories.pending(plan)
    assert settled(hook, factories.success()) == "paid"
    assert payment.status == "paid"
    assert payment.verified_by == "callback"
    assert payment.invoice.subscription.active
    [receipt] = receipts()
    assert (receipt.code, receipt.amount, receipt.source) == ("TKL4H7Q2MX", 500, "callback")


def test_the_ledger_has_the_money_and_the_sale(plan):
    _, hook = factories.pending(plan)
    settled(hook, factories.success())
    sums = select(ledger.LedgerEntry.account, func.sum(ledger.LedgerEntry.amount))
    rows = db.session.execute(sums.group_by(ledger.LedgerEntry.account))
    books = {account: amount for account, amount in rows}  # noqa: C416 - rows, not pairs
    assert books == {"mpesa:174379": 500, "receivable": 0, "income": -500}


def test_the_same_news_twice_gives_time_once(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.success())
    until = periods(payment)
    assert settled(hook, factories.success()) == "duplicate"
    assert periods(payment) == until
    assert len(receipts()) == 1


def test_a_failure_has_its_reason(plan):
    payment, hook = factories.pending(plan)
    assert settled(hook, factories.failure(1)) == "failed"
    assert (payment.status, payment.reason, payment.code) == ("failed", "insufficient_funds", "1")
    assert payment.next_question_at is None


def test_a_cancel_after_fifty_seconds_is_a_time_out(plan):
    payment, hook = factories.pending(plan)
    with time_machine.travel(clock.now() + timedelta(seconds=55)):
        settled(hook, factories.failure(1032))
    assert payment.reason == "expired"


def test_a_number_that_nobody_knows_is_final_from_a_callback(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.failure(8899))
    assert (payment.status, payment.reason) == ("failed", "unknown")


def test_still_processing_is_not_an_end(plan):
    payment, hook = factories.pending(plan)
    assert settled(hook, factories.failure(4999)) == "still in process: ignored"
    assert payment.status == "pending"


def test_late_money_is_still_money(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.failure())
    assert settled(hook, factories.success()) == "paid"
    assert payment.status == "paid"
    assert payment.reason is None
    assert payment.invoice.subscription.active


def test_a_failure_after_success_changes_nothing_and_calls_staff(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.success())
    assert settled(hook, factories.failure()) == "failure after success: ignored"
    assert payment.status == "paid"
    assert alerts() == ["contradiction"]


def test_a_second_failure_is_no_news(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.failure(1))
    assert settled(hook, factories.failure(1032)) == "failed already"
    assert payment.reason == "insufficient_funds"


def test_the_callback_may_overtake_the_pushs_answer(plan):
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    assert settled(hook, factories.success()) == "paid"
    factories.accepted(payment)
    assert payment.status == "paid"
    assert payment.checkout_request_id == "ws_CO_1"


def test_a_failure_may_overtake_the_pushs_answer(plan):
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    assert settled(hook, factories.failure()) == "failed"
    factories.accepted(payment)
    assert payment.status == "failed"


def test_a_callback_pays_what_lost_its_pushs_answer(plan):
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    charging.unanswered(payment.id)
    db.session.commit()
    assert payment.status == "unconfirmed"
    assert settled(hook, factories.success()) == "paid"
    assert payment.status == "paid"


def test_a_refusal_after_money_calls_staff(plan):
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    settled(hook, factories.success())
    charging.refused(payment.id, Refused(Reason.BUSY, "500.003.02", "busy"))
    db.session.commit()
    assert payment.status == "paid"
    assert alerts() == ["contradiction"]


def test_money_for_a_push_that_was_refused_is_still_money(plan):
    payment = factories.bought(plan)
    hook = factories.sent(payment)
    charging.refused(payment.id, Refused(Reason.BUSY, "500.003.02", "busy"))
    db.session.commit()
    assert settled(hook, factories.success()) == "paid"
    assert payment.status == "paid"
    assert payment.invoice.subscription.active


def test_short_money_stays_on_the_balance_once_confirmed(plan):
    payment, hook = factories.pending(plan)
    assert settled(hook, factories.success(amount=300)) == "held: KSh 300 instead of 500"
    assert payment.status == "pending"
    answer(payment, PAID)
    assert payment.status == "paid"
    assert payment.invoice.open
    assert balance_of(payment) == 300
    assert not payment.invoice.subscription.active
    assert alerts() == ["odd_callback", "short"]


def test_the_excess_goes_to_the_balance(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.success(amount=700))
    answer(payment, PAID)
    assert payment.invoice.paid_at
    assert balance_of(payment) == 200
    assert receipts()[0].code == "TKL4H7Q2MX"


def test_short_money_twice_pays_the_invoice(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, hook = factories.pending(plan)
    settled(hook, factories.success(amount=300))
    answer(first, PAID)
    second, hook = factories.pending(plan, checkout_id="ws_CO_2")
    assert second.invoice_id == first.invoice_id
    settled(hook, factories.success(amount=300, receipt="TKL4H7Q2MY", checkout_id="ws_CO_2"))
    answer(second, PAID)
    assert second.invoice.paid_at
    assert balance_of(second) == 100


def test_an_odd_message_is_not_believed_when_safaricom_says_no(plan):
    payment, hook = factories.pending(plan)
    settled(hook, factories.success(amount=300))
    answer(payment, CANCELLED)
    assert (payment.status, payment.reason) == ("failed", "cancelled")
    assert receipts() == []
    assert alerts() == ["odd_callback", "contradiction"]


def test_another_request_id_is_asked_about_and_its_receipt_only_claimed(plan):
    payment, hook = factories.pending(plan)
    forged = factories.success(checkout_id="ws_CO_other")
    assert settled(hook, forged) == "held: another request id"
    assert payment.next_question_at <= clock.now()
    answer(payment, PAID)
    [receipt] = receipts()
    assert (receipt.code, receipt.claimed_code, receipt.amount) == (None, "TKL4H7Q2MX", 500)


def test_a_failure_with_another_request_id_only_hurries_the_question(plan):
    payment, hook = factories.pending(plan)
    assert settled(hook, factories.failure(checkout_id="ws_CO_other")) == "held: another request id"
    assert payment.status == "pending"
    assert payment.question_rank == 0


def test_success_without_details_waits_for_safaricoms_word(plan):
    payment, hook = factories.pending(plan)
    bare = factories.success(CallbackMetadata=None)
    assert settled(hook, bare) == "held: no receipt details"
    answer(payment, PAID)
    assert payment.status == "paid"
    assert receipts()[0].code is None


def test_a_receipt_number_that_another_payment_has_blocks_nobody(plan):
    _, first_hook = factories.pending(plan)
    settled(first_hook, factories.success())
    second, hook = factories.pending(plan, phone="254722000000", checkout_id="ws_CO_2")
    outcome = settled(hook, factories.success(checkout_id="ws_CO_2"))
    assert outcome == "held: a receipt number that another payment has"
    answer(second, PAID)
    assert second.status == "paid"
    assert [r.code for r in receipts()] == ["TKL4H7Q2MX", None]
    assert receipts()[1].claimed_code == "TKL4H7Q2MX"


def test_large_amounts_are_confirmed_first_where_the_merchant_wants_it(plan):
    plan.merchant.verify_above = 400
    db.session.commit()
    payment, hook = factories.pending(plan)
    outcome = settled(hook, factories.success())
    assert outcome == "held: an amount that is always confirmed"
    answer(payment, PAID)
    assert receipts()[0].code == "TKL4H7Q2MX"


def test_a_strange_address_is_a_signal(plan, set_setting):
    set_setting(callback_addresses=(ip_network("196.201.214.0/24"),))
    payment, hook = factories.pending(plan)
    body = factories.success()
    assert settled(hook, body, address="10.1.2.3").startswith("held: an address that is not")
    assert settled(hook, body, address="196.201.214.200") == "paid"
    assert payment.status == "paid"


def test_a_question_finds_the_money_and_the_callback_brings_the_receipt(plan):
    payment, hook = factories.pending(plan)
    answer(payment, PAID)
    assert payment.status == "paid"
    assert payment.verified_by == "query"
    assert receipts()[0].code is None
    assert settled(hook, factories.success()) == "receipt number joined"
    assert receipts()[0].code == "TKL4H7Q2MX"
    assert settled(hook, factories.success()) == "duplicate"


def test_another_receipt_number_for_a_paid_payment_calls_staff(plan):
    _, hook = factories.pending(plan)
    settled(hook, factories.success())
    outcome = settled(hook, factories.success(receipt="TKL4H7Q2MZ"))
    assert outcome == "paid already: another receipt number claimed"
    assert alerts() == ["contradiction"]
    assert len(receipts()) == 1


def test_an_invoice_paid_twice_puts_the_second_money_on_the_balance(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, first_hook = factories.pending(plan)
    settled(first_hook, factories.failure())
    second, second_hook = factories.pending(plan, checkout_id="ws_CO_2")
    settled(second_hook, factories.success(receipt="TKL4H7Q2MY", checkout_id="ws_CO_2"))
    until = periods(second)
    assert settled(first_hook, factories.success()) == "paid"
    assert first.status == "paid"
    assert periods(second) == until
    assert balance_of(second) == 500
    assert alerts() == ["paid_twice"]


def test_money_for_a_void_invoice_pays_the_one_that_replaced_it(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, first_hook = factories.pending(plan)
    settled(first_hook, factories.failure())
    plan.price = 400
    db.session.commit()
    second, second_hook = factories.pending(plan, checkout_id="ws_CO_2")
    assert second.amount == 400
    settled(second_hook, factories.failure(checkout_id="ws_CO_2"))
    settled(first_hook, factories.success())
    assert first.invoice.voided_at
    assert second.invoice.paid_at
    assert balance_of(second) == 100


def test_a_message_that_nobody_can_read_is_kept_and_parked(plan):
    payment, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, b"<html>")
    work.settle_inbox()
    parked = factories.callback(callback_id)
    assert parked.parked_at
    assert parked.body == b"<html>"
    assert parked.error
    assert payment.status == "pending"


def test_a_wrong_token_settles_nothing(plan):
    payment, _ = factories.pending(plan)
    assert factories.deliver("0" * 32, factories.success()) is None
    work.settle_inbox()
    assert payment.status == "pending"
    assert db.session.scalar(select(func.count()).select_from(Callback)) == 0


def test_paying_again_extends_what_is_there(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, hook = factories.pending(plan)
    settled(hook, factories.success())
    until = periods(first)
    second, hook = factories.pending(plan, checkout_id="ws_CO_2")
    settled(hook, factories.success(receipt="TKL4H7Q2MY", checkout_id="ws_CO_2"))
    assert second.invoice.subscription_id == first.invoice.subscription_id
    assert second.invoice.period_start == until
