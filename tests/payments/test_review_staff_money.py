"""An independent review of money moved by staff: one sum is never booked twice (M1), nor from nothing (M2)."""

import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.billing import cancelling
from app.errors import MalipoError, Refused
from app.extensions import db
from app.jobs import work
from app.payments import (
    booking,
    by_staff,
    closing,
    customer,
    disputes,
    matching,
    reallocating,
    settlement,
    statements,
)
from app.payments.models import Callback, Receipt
from app.payments.reallocating import Order
from app.payments.staff_models import StatementLine
from app.staff.accounts import By
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import at_once, count_of

CODE, OTHER = "TKL4H7Q2MX", "TKL0000002"
OTHER_PHONE = "254722000001"


@pytest.fixture
def failed(plan):
    """A prompt that was cancelled, as far as we were told."""
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    payment.hook = hook
    return payment


def unconfirmed(plan, phone=OTHER_PHONE, checkout_id="ws_CO_2"):
    payment, hook = factories.pending(plan, phone, checkout_id)
    payment.move_to("unconfirmed", actor="sweep")
    db.session.commit()
    payment.hook = hook
    return payment


def booked(code=CODE, **row):
    """A line that nobody waits for: a till's, which names no account."""
    by_hand.taken_in(by_hand.row(code, **row))
    receipt = statements.book(by_hand.line(code), by_hand.person().id)
    db.session.commit()
    return receipt


def matched(payment, code=CODE):
    proposal = matching.match(payment.id, code, by_hand.act())
    db.session.commit()
    return proposal


def receipt_of(payment):
    return db.session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()


def refused(verb, *facts, why):
    with pytest.raises(Refused, match=why):
        verb(*facts)
    db.session.rollback()


# ── a receipt that has no number yet ──


def test_a_line_that_is_another_tries_money_does_not_pay_the_first_try(plan, failed, set_setting):
    """The second try is known paid, without a number. The SMS is shown for the first one."""
    set_setting(prompt_limits_enabled=False)
    second, _ = customer.again(failed, None, None)
    db.session.commit()
    factories.sent(second)
    factories.accepted(second, "ws_CO_2")
    by_hand.says_paid(second.id)
    by_hand.taken_in(by_hand.row(CODE, account=failed.invoice.reference))
    refused(matching.match, failed.id, CODE, by_hand.act(), why="number")
    assert count_of(Receipt) == 1
    statements.give_number(by_hand.line(), receipt_of(second), by_hand.act())
    db.session.commit()
    by_hand.taken_in(by_hand.row(OTHER, account=failed.invoice.reference))
    assert matched(failed, OTHER) is None
    assert count_of(Receipt) == 2


def test_nor_do_two_people_say_that_it_is(failed, set_setting):
    """They see one SMS and one failed payment; that it is the second try's they cannot see."""
    set_setting(prompt_limits_enabled=False)
    proposal = matched(failed)
    second, _ = customer.again(failed, None, None)
    db.session.commit()
    factories.sent(second)
    factories.accepted(second, "ws_CO_2")
    by_hand.says_paid(second.id)
    refused(matching.approve, proposal.id, by_hand.act(), why="may be it")
    matching.reject(proposal.id, by_hand.act())
    db.session.commit()
    refused(matching.match, failed.id, CODE, by_hand.act(), why="may be it")


def test_at_a_till_the_numberless_receipt_takes_its_line_before_others_do(plan):
    ali, jane = unconfirmed(plan), unconfirmed(plan, factories.PHONE, "ws_CO_1")
    by_hand.says_paid(ali.id)
    by_hand.taken_in(by_hand.row(CODE), by_hand.row(OTHER))
    refused(matching.match, jane.id, CODE, by_hand.act(), why="number")
    statements.give_number(by_hand.line(OTHER), receipt_of(ali), by_hand.act())
    db.session.commit()
    assert matched(jane) is None
    assert {receipt_of(ali).code, receipt_of(jane).code} == {CODE, OTHER}


# ── money that staff have placed before its payment is known ──


@pytest.mark.parametrize("amount", [500, 200])
def test_money_that_was_given_to_its_customer_is_not_booked_again_by_an_answer(failed, amount):
    receipt = booked()
    jane = failed.invoice.subscription.subscriber_id
    reallocating.allocate(receipt.id, jane, amount, by_hand.act())
    db.session.commit()
    assert failed.invoice.open == (amount < 500)
    by_hand.says_paid(failed.id)
    assert (receipt_of(failed), count_of(Receipt)) == (receipt, 1)
    assert booking.balance(jane) == amount % 500


def test_nor_where_the_customers_money_has_gone_on_to_somebody_else(plan, failed):
    receipt, jane = booked(), failed.invoice.subscription.subscriber_id
    ali = unconfirmed(plan).invoice.subscription.subscriber_id
    reallocating.allocate(receipt.id, jane, 400, by_hand.act())
    reallocating.move(receipt.id, Order(jane, ali, 400), by_hand.act())
    db.session.commit()
    by_hand.says_paid(failed.id)
    assert (receipt_of(failed), count_of(Receipt)) == (receipt, 1)


def test_money_that_was_given_to_somebody_else_is_somebody_elses(plan, failed):
    receipt = booked()
    other = unconfirmed(plan)
    ali = other.invoice.subscription.subscriber_id
    reallocating.allocate(receipt.id, ali, 500, by_hand.act())
    db.session.commit()
    by_hand.says_paid(failed.id)
    assert (receipt.payment_id, receipt_of(failed).code, count_of(Receipt)) == (None, None, 2)
    assert not failed.invoice.open


def test_a_message_with_another_id_names_the_money_that_an_answer_then_finds(failed):
    receipt = booked()
    odd = factories.success(receipt=CODE, checkout_id="ws_CO_other")
    callback_id = factories.deliver(failed.hook, odd)
    work.settle_inbox()
    assert factories.callback(callback_id).outcome.startswith("held")
    by_hand.says_paid(failed.id)
    assert (receipt_of(failed), count_of(Receipt)) == (receipt, 1)
    assert booking.in_suspense() == []


# ── at once ──


def while_open(app, verb, then):
    """`then`, in a session of its own, while what `verb` has done here is not yet committed."""
    verb()
    ended = threading.Event()

    def run():
        with app.app_context():
            try:
                then()
                db.session.commit()
            except Refused:
                db.session.rollback()
            finally:
                db.session.remove()
                ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    ended.wait(0.3)
    db.session.commit()
    thread.join()


@pytest.mark.parametrize("booked_first", [True, False])
def test_booking_a_line_and_the_answer_that_is_its_money_are_one_receipt(app, failed, booked_first):
    by_hand.taken_in(by_hand.row())
    line_id, someone, payment_id = by_hand.line().id, by_hand.person().id, failed.id

    def book():
        statements.book(db.session.get_one(StatementLine, line_id), someone)

    def answer():
        by_hand.says_paid_uncommitted(payment_id)

    first, second = (book, answer) if booked_first else (answer, book)
    while_open(app, first, second)
    assert count_of(Receipt) == 1
    assert factories.fresh(payment_id).status == "paid"


# ── a line that says whose it is ──


def test_a_line_that_names_another_invoice_is_not_this_payments(plan, failed):
    other = unconfirmed(plan)
    by_hand.taken_in(by_hand.row(CODE, account=other.invoice.reference))
    refused(matching.match, failed.id, CODE, by_hand.act(), why=other.invoice.reference)
    assert matched(other) is None


def test_suspended_money_that_names_another_invoice_is_not_this_payments(plan, failed):
    other = unconfirmed(plan)
    reference = other.invoice.reference
    matched_before = other.invoice
    by_hand.taken_in(by_hand.row(OTHER, account=reference))
    assert matched(other, OTHER) is None
    receipt = booked(CODE, account=matched_before.reference)
    refused(matching.match, failed.id, receipt.code, by_hand.act(), why=reference)


def test_a_line_that_names_no_invoice_of_ours_may_be_anybodys(failed):
    by_hand.taken_in(by_hand.row(CODE, clock.now() - timedelta(hours=3), account="JANE"))
    assert matched(failed) is None


# ── a form that was gone back to ──


def test_a_form_that_was_changed_and_sent_again_does_not_pretend(plan):
    jane = unconfirmed(plan).invoice.subscription.subscriber_id
    receipt, act = by_hand.suspended(900), by_hand.act()
    reallocating.allocate(receipt.id, jane, 300, act)
    db.session.commit()
    refused(reallocating.allocate, receipt.id, jane, 200, act, why="said something else")
    other = by_hand.suspended(300)
    refused(reallocating.allocate, other.id, jane, 300, act, why="said something else")
    assert booking.balance(jane) == 300


def test_evidence_that_was_changed_and_sent_again_is_another_piece(failed):
    claim = disputes.Claim("other", closing.today(), "I paid.")
    case, act = disputes.open_case(failed, claim, by_hand.act()), by_hand.act()
    for text in ("The SMS.", "The SMS.", "A second SMS."):
        disputes.add_evidence(case.id, text, act)
        db.session.commit()
    assert [one.text for one in disputes.evidence_of(case)] == ["The SMS.", "A second SMS."]


def test_everybody_at_once_ends_without_a_deadlock(app, plan, failed, set_setting):
    """One customer: a message, an answer, an allocation, a move, an undo, a match, a cancellation, a request."""
    set_setting(prompt_limits_enabled=False)
    subscription = failed.invoice.subscription
    jane, model, subscription_id = subscription.subscriber_id, type(subscription), subscription.id
    other, (paid, hook) = unconfirmed(plan), factories.pending(plan, "254722000007", "ws_CO_7")
    ali, callback_id = (
        other.invoice.subscription.subscriber_id,
        factories.deliver(hook, factories.success(receipt="TKLCALLED1", checkout_id="ws_CO_7")),
    )
    receipt, held = by_hand.suspended(900), by_hand.suspended(700, "TKLHELD001")
    row = reallocating.allocate(held.id, jane, 450, by_hand.act())
    by_hand.taken_in(by_hand.row(CODE, account=other.invoice.reference))
    ids = {"receipt": receipt.id, "held": held.id, "row": row.id, "line": by_hand.line().id}
    failed_id, other_id, acts = failed.id, other.id, [by_hand.act() for _ in range(10)]

    def its_own():
        return db.session.get_one(model, subscription_id)

    verbs = (
        lambda: settlement.settle(db.session.get_one(Callback, callback_id)),
        lambda: by_hand.says_paid_uncommitted(failed_id),
        lambda: reallocating.allocate(ids["receipt"], jane, 600, acts[2]),
        lambda: reallocating.move(ids["held"], Order(jane, ali, 200), acts[3]),
        lambda: reallocating.undo(ids["row"], acts[4]),
        lambda: matching.match(other_id, CODE, acts[5]),
        lambda: cancelling.cancel(by_staff.quiet(its_own()), By("staff:1", "they asked")),
        lambda: by_staff.ask(its_own(), "staff:1", "an-attempt-of-staff"),
        lambda: reallocating.allocate(ids["receipt"], ali, 300, acts[8]),
        lambda: by_hand.says_paid_uncommitted(other_id),
    )

    def run(n):
        try:
            verbs[n]()
            db.session.commit()
        except MalipoError:
            db.session.rollback()

    at_once(app, run, len(verbs))
    assert factories.fresh(failed_id).status == factories.fresh(other_id).status == "paid"
    assert factories.fresh(paid.id).status == "paid"


def test_a_number_that_an_answer_took_in_this_moment_is_taken(app, plan, failed):
    """Two prompts of one till and minute; the answer for one takes the other one's suspended money."""
    receipt, other, failed_id = booked(), unconfirmed(plan), failed.id
    factories.deliver(other.hook, factories.success(receipt=receipt.code, checkout_id="ws_CO_2"))
    while_open(app, lambda: by_hand.says_paid_uncommitted(failed_id), work.settle_inbox)
    with time_machine.travel(clock.now() + timedelta(seconds=5), tick=False):
        work.settle_inbox()
        by_hand.says_paid(other.id)
    assert receipt_of(failed).code == receipt.code
    assert (receipt_of(other).code, count_of(Receipt)) == (None, 2)
