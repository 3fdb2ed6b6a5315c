"""Payments that people match: with Safaricom's evidence one may, without it two must (M2)."""

from datetime import timedelta
from itertools import cycle, permutations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app import clock
from app.audit import AuditEvent
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.payments import booking, books, matching, reallocating, settlement, statements
from app.payments.alerts import Alert
from app.payments.models import Allocation, Callback, Receipt
from app.payments.staff_models import MatchProposal, StatementLine
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import at_once, count_of

CODE = "TKL4H7Q2MX"


@pytest.fixture
def unconfirmed(plan):
    """A payment whose prompt was never answered for."""
    payment, hook = factories.pending(plan)
    payment.move_to("unconfirmed", actor="sweep")
    db.session.commit()
    payment.hook = hook
    return payment


def told(payment, code=CODE, **more):
    """A statement that has the payment's money."""
    by_hand.taken_in(by_hand.row(code, account=payment.invoice.reference, **more))


def matched(payment, code=CODE, act=None):
    proposal = matching.match(payment.id, code, act or by_hand.act())
    db.session.commit()
    return proposal


def approved(proposal, act=None):
    matching.approve(proposal.id, act or by_hand.act())
    db.session.commit()


def receipt_of(payment):
    return db.session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()


def alerts():
    return [(alert.payment_id, alert.kind) for alert in db.session.scalars(select(Alert))]


def callback(payment, code=CODE, amount=500):
    callback_id = factories.deliver(payment.hook, factories.success(amount, code))
    work.settle_inbox()
    return factories.callback(callback_id).outcome


# ── the number ──


@pytest.mark.parametrize("typed", ["tkl4h7q2mx", " TKL4 H7Q2 MX ", "TKL4H7Q2MX"])
def test_a_number_is_read_as_people_type_it(typed):
    assert matching.typed_code(typed) == CODE


@pytest.mark.parametrize("typed", ["", "TKL4H7Q2M", "TKL4H7Q2MXX", "TKL4H7Q2M!", "٣KL4H7Q2MX"])
def test_what_is_no_number_is_refused(typed):
    with pytest.raises(Refused, match="10 letters and digits"):
        matching.typed_code(typed)


# ── with evidence: one person ──


def test_a_statements_line_pays_it_as_a_callback_would(unconfirmed):
    told(unconfirmed)
    someone = by_hand.person()
    assert matched(unconfirmed, act=by_hand.act(someone, "SMS seen")) is None
    receipt, invoice = receipt_of(unconfirmed), unconfirmed.invoice
    assert (unconfirmed.status, unconfirmed.verified_by) == ("paid", "statement")
    assert (receipt.code, receipt.source, receipt.amount) == (CODE, "statement", 500)
    assert receipt.paid_at == by_hand.line().completed_at
    assert invoice.period_end == invoice.subscription.paid_through
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "payment.matched")
    ).one()
    assert (event.actor, event.details) == (
        f"staff:{someone.id}",
        {"evidence": "statement", "code": CODE, "reason": "SMS seen"},
    )


def test_money_in_suspense_pays_it_and_leaves_suspense(unconfirmed):
    receipt = by_hand.suspended(code=CODE)
    assert matched(unconfirmed) is None
    assert receipt_of(unconfirmed) == receipt
    assert receipt.subscriber_id == unconfirmed.invoice.subscription.subscriber_id
    assert (booking.in_suspense(), count_of(Receipt)) == ([], 1)
    assert not unconfirmed.invoice.open


def test_a_failed_payment_whose_money_came_is_paid(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    told(payment)
    matched(payment)
    assert factories.fresh(payment.id).status == "paid"


def test_the_same_again_changes_nothing(unconfirmed):
    told(unconfirmed)
    for _ in range(3):
        assert matched(unconfirmed) is None
    assert count_of(Receipt) == 1
    assert count_of(Allocation) == 1


def test_a_paid_payment_takes_no_other_number(unconfirmed):
    told(unconfirmed)
    matched(unconfirmed)
    act = by_hand.act()
    with pytest.raises(Refused, match="paid already"):
        matching.match(unconfirmed.id, "TKLOTHER01", act)


def test_another_amount_is_not_this_payments_money(unconfirmed):
    told(unconfirmed, paid_in="300.00")
    act = by_hand.act()
    with pytest.raises(Refused, match="brought KSh 300; this payment asks for KSh 500"):
        matching.match(unconfirmed.id, CODE, act)
    by_hand.suspended(300, "TKL0000300")
    with pytest.raises(Refused, match="brought KSh 300"):
        matching.match(unconfirmed.id, "TKL0000300", act)


def test_cents_are_refused(unconfirmed):
    told(unconfirmed, paid_in="500.50")
    act = by_hand.act()
    with pytest.raises(Refused, match="whole shillings"):
        matching.match(unconfirmed.id, CODE, act)


def test_money_that_staff_have_placed_is_not_taken_back(unconfirmed):
    receipt = by_hand.suspended(code=CODE)
    subscriber_id = unconfirmed.invoice.subscription.subscriber_id
    reallocating.allocate(receipt.id, subscriber_id, 100, by_hand.act())
    db.session.commit()
    act = by_hand.act()
    with pytest.raises(Refused, match="on a balance already"):
        matching.match(unconfirmed.id, CODE, act)


def test_another_payments_number_is_refused(unconfirmed, plan):
    other, hook = factories.pending(plan, "254722000001", "ws_CO_2")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_2"))
    work.settle_inbox()
    assert other.status == "paid"
    act = by_hand.act()
    with pytest.raises(Refused, match="other money"):
        matching.match(unconfirmed.id, CODE, act)


def test_another_merchants_number_is_refused_alike(unconfirmed):
    by_hand.suspended(code=CODE, merchant=factories.merchant())
    act = by_hand.act()
    with pytest.raises(Refused, match="other money"):
        matching.match(unconfirmed.id, CODE, act)


def test_another_merchants_statement_is_no_evidence_here(unconfirmed):
    other = factories.merchant()
    by_hand.taken_in(by_hand.row(), merchant=other, number=other.number)
    assert matched(unconfirmed) is not None


def test_what_is_being_sent_is_not_matched(plan):
    payment, act = factories.bought(plan), by_hand.act()
    with pytest.raises(Refused, match="on its way"):
        matching.match(payment.id, CODE, act)


# ── without evidence: two people ──


def test_two_people_pay_it_with_a_number_that_is_a_claim(unconfirmed):
    amina, brian = by_hand.person(), by_hand.person("owner")
    proposal = matched(unconfirmed, act=by_hand.act(amina))
    assert unconfirmed.status == "unconfirmed"
    assert matching.waiting(unconfirmed.merchant_id) == [proposal]
    approved(proposal, by_hand.act(brian))
    receipt = receipt_of(unconfirmed)
    assert (unconfirmed.status, unconfirmed.verified_by) == ("paid", "staff")
    assert (receipt.code, receipt.claimed_code, receipt.source) == (None, CODE, "staff")
    assert not unconfirmed.invoice.open
    assert matching.waiting(unconfirmed.merchant_id) == []


def test_nobody_approves_or_rejects_their_own(unconfirmed):
    amina = by_hand.person()
    proposal = matched(unconfirmed, act=by_hand.act(amina))
    act = by_hand.act(amina)
    with pytest.raises(Refused, match="another person"):
        matching.approve(proposal.id, act)
    with pytest.raises(Refused, match="another person"):
        matching.reject(proposal.id, act)


def test_the_database_wants_two_people_too(unconfirmed):
    proposal = matched(unconfirmed)
    alone = "update match_proposal set decision = 'approved', decided_at = now(), decided_by = proposed_by"
    with pytest.raises(IntegrityError, match="two_people"):
        db.session.execute(text(alone))
    db.session.rollback()
    assert proposal.decision is None


def test_a_rejected_one_pays_nothing_and_makes_room(unconfirmed):
    proposal = matched(unconfirmed)
    for _ in range(2):
        matching.reject(proposal.id, by_hand.act())
        db.session.commit()
    act = by_hand.act()
    with pytest.raises(Refused, match="rejected already"):
        matching.approve(proposal.id, act)
    db.session.rollback()
    assert count_of(Receipt) == 0
    assert matched(unconfirmed, "TKLOTHER01").id != proposal.id


def test_one_proposal_at_a_time(unconfirmed):
    proposal = matched(unconfirmed)
    assert matched(unconfirmed).id == proposal.id
    act = by_hand.act()
    with pytest.raises(Refused, match="Decide about that first"):
        matching.match(unconfirmed.id, "TKLOTHER01", act)


def test_one_number_is_not_claimed_for_two_payments(unconfirmed, plan):
    other, _ = factories.pending(plan, "254722000001", "ws_CO_2")
    other.move_to("unconfirmed", actor="sweep")
    proposal, act = matched(unconfirmed), by_hand.act()
    with pytest.raises(Refused, match="another payment already"):
        matching.match(other.id, CODE, act)
    db.session.rollback()
    approved(proposal)
    with pytest.raises(Refused, match="another payment already"):
        matching.match(other.id, CODE, act)


def test_nothing_is_proposed_while_the_prompt_is_on_the_phone(plan):
    payment, _ = factories.pending(plan)
    act = by_hand.act()
    with pytest.raises(Refused, match="still on the phone"):
        matching.match(payment.id, CODE, act)


def test_evidence_that_came_meanwhile_is_what_counts(unconfirmed):
    proposal = matched(unconfirmed)
    told(unconfirmed)
    approved(proposal)
    receipt = receipt_of(unconfirmed)
    assert (receipt.code, receipt.source, unconfirmed.verified_by) == (
        CODE,
        "statement",
        "statement",
    )
    assert count_of(Receipt) == 1


def test_a_payment_that_was_paid_meanwhile_is_not_approved(unconfirmed):
    proposal = matched(unconfirmed)
    by_hand.says_paid(unconfirmed.id)
    act = by_hand.act()
    with pytest.raises(Refused, match="paid already"):
        matching.approve(proposal.id, act)
    db.session.rollback()
    matching.reject(proposal.id, by_hand.act())
    db.session.commit()


def test_the_callback_joins_what_two_people_said(unconfirmed):
    approved(matched(unconfirmed))
    assert callback(unconfirmed) == "receipt number joined"
    assert (receipt_of(unconfirmed).code, count_of(Receipt)) == (CODE, 1)


def test_the_statement_gives_its_number_to_what_two_people_said(unconfirmed):
    approved(matched(unconfirmed))
    by_hand.taken_in(by_hand.row())
    line, act = by_hand.line(), by_hand.act()
    with pytest.raises(Refused, match="Give it the number"):
        statements.book(line, act.staff_id)
    db.session.rollback()
    statements.give_number(by_hand.line(), receipt_of(unconfirmed), act)
    db.session.commit()
    assert receipt_of(unconfirmed).code == CODE


def test_a_claim_does_not_block_the_payment_whose_number_it_is(unconfirmed, plan):
    approved(matched(unconfirmed))
    other, hook = factories.pending(plan, "254722000001", "ws_CO_2")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_2"))
    work.settle_inbox()
    assert (receipt_of(other).code, receipt_of(unconfirmed).code) == (CODE, None)
    assert (unconfirmed.id, "contradiction") in alerts()


@pytest.mark.breaks_books
@pytest.mark.parametrize(
    "wrong",
    [
        "update payment set verified_by = null",
        "update match_proposal set decision = 'rejected'",
        "update match_proposal set proposed_by = (select max(id) from staff)",
    ],
)
def test_the_books_want_both_people(unconfirmed, wrong):
    approved(matched(unconfirmed))
    by_hand.person()
    db.session.execute(text(wrong))
    [rule] = [rule for rule in books.RULES if rule.name == "M2 paid-has-evidence"]
    db.session.commit()
    assert books.violations(rule) == [unconfirmed.id]


# ── money that a statement told us of first ──


def booked(**row):
    """By a clock that is an hour slow: else its payment would be known, and booking it refused."""
    early = clock.now() - timedelta(hours=1)
    by_hand.taken_in(by_hand.row(at=early, account="JANE", **row))
    receipt = statements.book(by_hand.line(), by_hand.person().id)
    db.session.commit()
    return receipt


def test_a_callback_finds_its_money_in_suspense(unconfirmed):
    receipt = booked()
    assert callback(unconfirmed) == "paid"
    assert (receipt_of(unconfirmed), count_of(Receipt)) == (receipt, 1)
    assert (booking.in_suspense(), unconfirmed.invoice.open) == ([], False)


def test_a_held_message_finds_its_money_when_safaricom_agrees(unconfirmed):
    receipt = booked()
    unconfirmed.merchant.verify_above = 100
    db.session.commit()
    assert callback(unconfirmed).startswith("held")
    by_hand.says_paid(unconfirmed.id)
    assert (receipt_of(unconfirmed), count_of(Receipt)) == (receipt, 1)
    assert booking.in_suspense() == []


def test_money_that_staff_have_placed_stays_where_they_put_it(unconfirmed, plan):
    receipt = booked()
    other, _ = factories.pending(plan, "254722000001", "ws_CO_2")
    ali = other.invoice.subscription.subscriber_id
    reallocating.allocate(receipt.id, ali, 500, by_hand.act())
    db.session.commit()
    assert callback(unconfirmed) == "paid"
    assert (receipt_of(unconfirmed), booking.balance(ali)) == (receipt, 500)
    assert unconfirmed.invoice.open
    assert alerts() == [(unconfirmed.id, "moved_by_staff")]


def test_money_that_staff_have_given_to_this_customer_pays_for_it(unconfirmed, plan):
    receipt = booked()
    jane = unconfirmed.invoice.subscription.subscriber_id
    reallocating.allocate(receipt.id, jane, 500, by_hand.act())
    db.session.commit()
    assert not unconfirmed.invoice.open
    assert callback(unconfirmed) == "paid"
    assert (count_of(Receipt), booking.balance(jane)) == (1, 0)


def test_a_callback_of_another_amount_is_asked_about_and_booked_as_the_statement_says(unconfirmed):
    receipt = booked(paid_in="300.00")
    assert "another amount" in callback(unconfirmed)
    by_hand.says_paid(unconfirmed.id)
    jane = unconfirmed.invoice.subscription.subscriber_id
    assert (receipt_of(unconfirmed), booking.balance(jane)) == (receipt, 300)
    assert unconfirmed.invoice.open


def test_an_answer_finds_the_tills_money_of_its_minutes(plan):
    """It had failed by M-PESA's own word, and so the line, which names no account, was booked."""
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    by_hand.taken_in(by_hand.row())
    receipt = statements.book(by_hand.line(), by_hand.person().id)
    db.session.commit()
    by_hand.says_paid(payment.id)
    assert (receipt_of(payment), count_of(Receipt)) == (receipt, 1)
    assert not payment.invoice.open


def test_of_two_such_sums_an_answer_takes_one_and_somebody_is_told(plan):
    """Which number is a guess; a third sum would be money that nobody has paid (M1)."""
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    by_hand.taken_in(by_hand.row(), by_hand.row("TKL0000002"))
    for code in (CODE, "TKL0000002"):
        statements.book(by_hand.line(code), by_hand.person().id)
        db.session.commit()
    by_hand.says_paid(payment.id)
    assert (receipt_of(payment).code, count_of(Receipt)) == (CODE, 2)
    assert [receipt.code for receipt, _ in booking.in_suspense()] == ["TKL0000002"]
    assert alerts() == [(payment.id, "guessed_number")]


def test_another_merchants_money_is_not_this_payments(unconfirmed):
    other = by_hand.suspended(code=CODE, merchant=factories.merchant())
    assert callback(unconfirmed).startswith("held")
    by_hand.says_paid(unconfirmed.id)
    assert (receipt_of(unconfirmed).code, receipt_of(unconfirmed).claimed_code) == (None, CODE)
    assert other.payment_id is None


NEWS = {
    "callback": callback,
    "query": lambda payment: by_hand.says_paid(payment.id),
    "book": lambda _: tried(statements.book, by_hand.line(), by_hand.person().id),
    "match": lambda payment: tried(matching.match, payment.id, CODE, by_hand.act()),
    "number": lambda _: tried(
        statements.give_number, by_hand.line(), newest_receipt(), by_hand.act()
    ),
}


def tried(verb, *facts):
    try:
        verb(*facts)
        db.session.commit()
    except (Refused, AttributeError):  # there is no receipt yet that could take a number
        db.session.rollback()


def newest_receipt():
    return db.session.scalars(select(Receipt).order_by(Receipt.id.desc())).first()


# A paybill's line has the account number, a till's has none.
ORDERS = list(zip(permutations(NEWS, 3), cycle([True, False]), strict=False))


@pytest.mark.parametrize(("order", "account"), ORDERS)
def test_whoever_tells_of_it_first_it_is_one_receipt(unconfirmed, order, account):
    by_hand.taken_in(by_hand.row(account=unconfirmed.invoice.reference if account else ""))
    for news in (*order, *NEWS, *order):
        NEWS[news](factories.fresh(unconfirmed.id))
    payment = factories.fresh(unconfirmed.id)
    receipt = db.session.scalars(select(Receipt)).one()
    assert (payment.status, receipt.payment_id, receipt.code) == ("paid", payment.id, CODE)
    assert payment.invoice.subscription.paid_through == payment.invoice.period_end
    assert booking.balance(receipt.subscriber_id) == 0


# ── at once ──


def test_an_approval_and_a_callback_that_race_are_one_receipt(app, unconfirmed):
    proposal_id, acts = matched(unconfirmed).id, [by_hand.act() for _ in range(4)]
    callback_id = factories.deliver(unconfirmed.hook, factories.success())

    def race(n):
        try:
            if n % 2:
                settlement.settle(db.session.get_one(Callback, callback_id))
            else:
                matching.approve(proposal_id, acts[n // 2])
            db.session.commit()
        except Refused:
            db.session.rollback()

    at_once(app, race, 8)
    payment = factories.fresh(unconfirmed.id)
    assert (payment.status, receipt_of(payment).code, count_of(Receipt)) == ("paid", CODE, 1)


def test_ten_matches_at_once_are_one(app, unconfirmed):
    told(unconfirmed)
    payment_id, acts = unconfirmed.id, [by_hand.act() for _ in range(10)]

    def click(n):
        matching.match(payment_id, CODE, acts[n])
        db.session.commit()

    at_once(app, click, 10)
    assert count_of(Receipt) == 1


def test_ten_proposals_at_once_are_one(app, unconfirmed):
    payment_id, acts = unconfirmed.id, [by_hand.act() for _ in range(10)]

    def click(n):
        matching.match(payment_id, CODE, acts[n])
        db.session.commit()

    at_once(app, click, 10)
    assert count_of(MatchProposal) == 1


def test_one_number_matched_with_two_payments_at_once_pays_one(app, unconfirmed, plan):
    other, _ = factories.pending(plan, "254722000001", "ws_CO_2")
    by_hand.taken_in(by_hand.row())
    ids, acts = [unconfirmed.id, other.id], [by_hand.act() for _ in range(8)]

    def click(n):
        try:
            matching.match(ids[n % 2], CODE, acts[n])
            db.session.commit()
        except Refused:
            db.session.rollback()

    at_once(app, click, 8)
    assert {factories.fresh(found).status for found in ids} > {"paid"}
    assert count_of(Receipt) == 1


def test_booking_matching_and_the_callback_at_once_are_one_receipt(app, unconfirmed):
    by_hand.taken_in(by_hand.row(account="JANE"))
    line_id, payment_id = by_hand.line().id, unconfirmed.id
    callback_id = factories.deliver(unconfirmed.hook, factories.success())
    acts = [by_hand.act() for _ in range(9)]

    def race(n):
        try:
            if n % 3 == 0:
                settlement.settle(db.session.get_one(Callback, callback_id))
            elif n % 3 == 1:
                statements.book(db.session.get_one(StatementLine, line_id), acts[n].staff_id)
            else:
                matching.match(payment_id, CODE, acts[n])
            db.session.commit()
        except Refused:
            db.session.rollback()

    at_once(app, race, 9)
    payment = factories.fresh(payment_id)
    assert (payment.status, receipt_of(payment).code, count_of(Receipt)) == ("paid", CODE, 1)
