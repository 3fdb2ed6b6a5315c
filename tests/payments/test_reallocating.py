"""Money that staff move between suspense and balances: every shilling stays in the books, once."""

import pytest
from sqlalchemy import func, select, text

from app import merchants
from app.audit import AuditEvent
from app.billing import subscriptions
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.payments import booking, charging, reallocating
from app.payments.models import Payment, Receipt
from app.payments.reallocating import Order
from app.payments.staff_models import Reallocation
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import at_once, count_of

OTHER_PHONE = "254722000001"


@pytest.fixture
def receipt(app):
    return by_hand.suspended(amount=900)


def customer(phone=factories.PHONE, merchant=None):
    made = subscriptions.subscriber((merchant or default()).id, phone)
    db.session.commit()
    return made


def default():
    return merchants.named("default")


def owing(plan, phone=factories.PHONE):
    """Somebody whose prompt was cancelled: the invoice is open, and nothing is out for it."""
    payment, hook = factories.pending(plan, phone, f"ws_CO_{plan.code}{phone}")
    factories.deliver(hook, factories.failure(checkout_id=f"ws_CO_{plan.code}{phone}"))
    work.settle_inbox()
    return payment.invoice


def done(made):
    db.session.commit()
    return made


def in_suspense():
    return sum(amount for _, amount in booking.in_suspense())


def test_money_is_allocated_whole_or_in_parts(receipt):
    jane, ali = customer(), customer(OTHER_PHONE)
    done(reallocating.allocate(receipt.id, jane.id, 600, by_hand.act()))
    assert (booking.balance(jane.id), in_suspense()) == (600, 300)
    done(reallocating.allocate(receipt.id, ali.id, 300, by_hand.act()))
    assert (booking.balance(jane.id), booking.balance(ali.id), in_suspense()) == (600, 300, 0)


def test_each_act_is_in_the_audit_with_who_and_why(receipt):
    someone, jane = by_hand.person(), customer()
    row = done(reallocating.allocate(receipt.id, jane.id, 600, by_hand.act(someone, "she called")))
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.action, event.actor, event.subject_id) == (
        "receipt.allocated",
        f"staff:{someone.id}",
        receipt.id,
    )
    assert event.details == {
        "amount": 600,
        "reason": "she called",
        "reallocation": row.id,
        "from": None,
        "to": jane.id,
        "undoes": None,
    }


@pytest.mark.parametrize(
    ("amount", "why"),
    [(901, "Only KSh 900"), (0, "whole shillings"), (-5, "whole shillings")],
)
def test_no_more_than_is_there_and_no_less_than_a_shilling(receipt, amount, why):
    jane, act = customer(), by_hand.act()
    with pytest.raises(Refused, match=why):
        reallocating.allocate(receipt.id, jane.id, amount, act)


def test_without_a_reason_nothing_moves(receipt):
    jane, act = customer(), by_hand.act(reason="  ")
    with pytest.raises(Refused, match="reason"):
        reallocating.allocate(receipt.id, jane.id, 900, act)


def test_a_balance_that_covers_the_open_invoice_pays_it(plan, receipt):
    invoice = owing(plan)
    done(reallocating.allocate(receipt.id, invoice.subscription.subscriber_id, 900, by_hand.act()))
    assert invoice.paid_at is not None
    assert invoice.subscription.active
    assert booking.balance(invoice.subscription.subscriber_id) == 400


def test_a_balance_that_does_not_cover_it_waits(plan, receipt):
    invoice = owing(plan)
    subscriber_id = invoice.subscription.subscriber_id
    done(reallocating.allocate(receipt.id, subscriber_id, 499, by_hand.act()))
    assert invoice.open
    done(reallocating.allocate(receipt.id, subscriber_id, 1, by_hand.act()))
    assert not invoice.open


def test_an_invoice_whose_prompt_is_out_is_left_to_the_prompt(plan, receipt):
    payment, _ = factories.pending(plan)
    subscriber_id = payment.invoice.subscription.subscriber_id
    done(reallocating.allocate(receipt.id, subscriber_id, 900, by_hand.act()))
    assert payment.invoice.open
    assert booking.balance(subscriber_id) == 900


def test_of_two_open_invoices_the_one_that_the_payer_named_is_paid(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, second = owing(plan), owing(factories.plan(code="other", name="Other"))
    assert first.subscription.subscriber_id == second.subscription.subscriber_id
    by_hand.taken_in(by_hand.row("TKLNAMED01", account=second.reference))
    named = by_hand.suspended(code="TKLNAMED01")
    done(reallocating.allocate(named.id, first.subscription.subscriber_id, 500, by_hand.act()))
    assert first.open
    assert not second.open


def test_of_two_open_invoices_that_nobody_named_none_is_paid(plan, receipt, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, second = owing(plan), owing(factories.plan(code="other", name="Other"))
    done(reallocating.allocate(receipt.id, first.subscription.subscriber_id, 900, by_hand.act()))
    assert first.open
    assert second.open


def test_money_moves_from_one_balance_to_another(plan, receipt):
    jane, invoice = customer(), owing(plan, OTHER_PHONE)
    done(reallocating.allocate(receipt.id, jane.id, 900, by_hand.act()))
    ali = invoice.subscription.subscriber_id
    done(reallocating.move(receipt.id, Order(jane.id, ali, 700), by_hand.act()))
    assert (booking.balance(jane.id), booking.balance(ali)) == (200, 200)
    assert not invoice.open


def test_money_that_a_payment_brought_can_move_too_and_never_to_suspense(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success(amount=800))
    work.settle_inbox()
    by_hand.says_paid(payment.id)
    mine = db.session.scalars(select(Receipt)).one()
    jane, ali, act = mine.subscriber_id, customer(OTHER_PHONE), by_hand.act()
    with pytest.raises(Refused, match="came with its owner"):
        reallocating.move(mine.id, Order(jane, None, 300), act)
    done(reallocating.move(mine.id, Order(jane, ali.id, 300), act))
    assert (booking.balance(jane), booking.balance(ali.id)) == (0, 300)


def test_moved_money_pays_where_it_is_now(plan, receipt):
    """The balance is spent by its owner, not by whom the receipt came from."""
    jane = customer()
    done(reallocating.allocate(receipt.id, jane.id, 300, by_hand.act()))
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success(amount=200))
    work.settle_inbox()
    by_hand.says_paid(payment.id)
    assert not payment.invoice.open
    assert booking.balance(jane.id) == 0


def test_what_an_invoice_was_paid_with_stays_on_it(plan, receipt):
    invoice = owing(plan)
    jane, ali = invoice.subscription.subscriber_id, customer(OTHER_PHONE)
    row = done(reallocating.allocate(receipt.id, jane, 500, by_hand.act()))
    act = by_hand.act()
    with pytest.raises(Refused, match=f"paid invoice {invoice.reference}"):
        reallocating.undo(row.id, act)
    with pytest.raises(Refused, match=f"paid invoice {invoice.reference}"):
        reallocating.move(receipt.id, Order(jane, ali.id, 500), act)


def test_an_undo_brings_back_what_is_still_there(plan, receipt):
    jane, ali = customer(), customer(OTHER_PHONE)
    row = done(reallocating.allocate(receipt.id, jane.id, 900, by_hand.act()))
    moved = done(reallocating.move(receipt.id, Order(jane.id, ali.id, 400), by_hand.act()))
    undone = done(reallocating.undo(row.id, by_hand.act()))
    assert (undone.amount, in_suspense()) == (500, 500)
    done(reallocating.undo(moved.id, by_hand.act()))
    assert booking.balance(jane.id) == 400
    done(reallocating.move(receipt.id, Order(jane.id, None, 400), by_hand.act()))
    assert in_suspense() == 900


def test_an_undo_is_done_once_and_not_undone(receipt):
    jane = customer()
    row = done(reallocating.allocate(receipt.id, jane.id, 900, by_hand.act()))
    undone = done(reallocating.undo(row.id, by_hand.act()))
    act = by_hand.act()
    with pytest.raises(Refused, match="undone already"):
        reallocating.undo(row.id, act)
    with pytest.raises(Refused, match="undo itself"):
        reallocating.undo(undone.id, act)


def test_the_same_form_twice_is_one_act(receipt):
    jane, act = customer(), by_hand.act()
    first = done(reallocating.allocate(receipt.id, jane.id, 300, act))
    assert done(reallocating.allocate(receipt.id, jane.id, 300, act)).id == first.id
    undoing = by_hand.act()
    undone = done(reallocating.undo(first.id, undoing))
    assert done(reallocating.undo(first.id, undoing)).id == undone.id
    assert in_suspense() == 900


def test_another_merchants_customer_is_nobody(receipt):
    stranger, act = customer(merchant=factories.merchant()), by_hand.act()
    with pytest.raises(Refused, match="no such customer"):
        reallocating.allocate(receipt.id, stranger.id, 900, act)


def test_a_customer_is_found_by_phone_or_account_number(plan):
    invoice = owing(plan)
    merchant = default()
    jane = invoice.subscription.subscriber
    assert reallocating.whose(merchant.id, "0712 345 678") == jane
    assert reallocating.whose(merchant.id, f" {invoice.reference.lower()} ") == jane
    assert reallocating.whose(merchant.id, "0799 999 999") is None
    assert reallocating.whose(merchant.id, "nonsense") is None
    assert reallocating.whose(factories.merchant().id, "0712 345 678") is None


@pytest.mark.parametrize("verb", ["update reallocation set amount = 1", "delete from reallocation"])
def test_the_database_keeps_what_was_done(receipt, verb):
    done(reallocating.allocate(receipt.id, customer().id, 300, by_hand.act()))
    with pytest.raises(Exception, match="append-only"):
        db.session.execute(text(verb))
    db.session.rollback()


def test_twenty_clicks_move_money_once(app, receipt):
    jane, act, receipt_id = customer().id, by_hand.act(), receipt.id

    def click(_):
        reallocating.allocate(receipt_id, jane, 600, act)
        db.session.commit()

    at_once(app, click, 10)
    assert count_of(Reallocation) == 1
    assert booking.balance(jane) == 600


def test_ten_people_cannot_give_more_than_there_is(app, receipt):
    people = [by_hand.act() for _ in range(10)]
    customers = [customer(f"25471200000{n}").id for n in range(10)]
    receipt_id = receipt.id

    def give(n):
        try:
            reallocating.allocate(receipt_id, customers[n], 200, people[n])
            db.session.commit()
        except Refused:
            db.session.rollback()
            return 0
        return 1

    assert sum(at_once(app, give, 10)) == 4
    assert in_suspense() == 100


def test_an_undo_and_a_payment_that_race_spend_the_balance_once(app, plan):
    """The payment of 200 needs 300 of the balance; the undo wants them back."""
    receipt = by_hand.suspended(amount=300)
    jane = customer().id
    row = done(reallocating.allocate(receipt.id, jane, 300, by_hand.act()))
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success(amount=200))
    work.settle_inbox()
    row_id, act, payment_id = row.id, by_hand.act(), payment.id

    def race(n):
        try:
            if n:
                by_hand.says_paid(payment_id)
            else:
                reallocating.undo(row_id, act)
                db.session.commit()
        except Refused:
            db.session.rollback()

    at_once(app, race, 2)
    spent = not factories.fresh(payment_id).invoice.open
    assert (booking.balance(jane), in_suspense()) == ((0, 0) if spent else (200, 300))


def test_moves_to_and_fro_do_not_deadlock(app, plan):
    """Crossing moves, while both customers pay: every lock is taken in one order."""
    first, second = owing(plan), owing(plan, OTHER_PHONE)
    jane, ali = first.subscription.subscriber_id, second.subscription.subscriber_id
    receipts = []
    for subscriber_id in (jane, ali) * 2:
        receipt = by_hand.suspended(amount=40)
        done(reallocating.allocate(receipt.id, subscriber_id, 40, by_hand.act()))
        receipts.append((receipt.id, subscriber_id, ali if subscriber_id == jane else jane))
    acts = [by_hand.act() for _ in receipts]

    def cross(n):
        receipt_id, source, target = receipts[n]
        reallocating.move(receipt_id, Order(source, target, 40), acts[n])
        db.session.commit()

    at_once(app, cross, len(receipts))
    assert (booking.balance(jane), booking.balance(ali)) == (80, 80)
    assert db.session.scalar(select(func.count()).select_from(Reallocation)) == 8


def test_the_checkout_and_an_allocation_that_race_pay_once(app, plan, set_setting):
    """Either the prompt is out and the balance waits, or the invoice is paid and another one is asked for."""
    set_setting(prompt_limits_enabled=False)
    invoice = owing(plan)
    invoice_id, plan_id = invoice.id, plan.id
    jane, receipt = invoice.subscription.subscriber_id, by_hand.suspended(amount=500)
    receipt_id, act = receipt.id, by_hand.act()

    def race(n):
        if n:
            reallocating.allocate(receipt_id, jane, 500, act)
        else:
            payer = charging.Payer(factories.PHONE, None)
            charging.buy(db.session.get_one(type(plan), plan_id), payer, "another-attempt")
        db.session.commit()

    at_once(app, race, 2)
    payment = db.session.scalars(select(Payment).where(Payment.attempt == "another-attempt")).one()
    was_paid = not db.session.get_one(type(invoice), invoice_id).open
    assert (payment.invoice_id != invoice_id) == was_paid
    assert booking.balance(jane) == (0 if was_paid else 500)
