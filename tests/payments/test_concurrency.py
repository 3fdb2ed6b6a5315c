"""Threads that race on real rows: money moves once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select, text

from app.audit import AuditEvent
from app.errors import MalipoError
from app.extensions import db
from app.jobs import work
from app.payments import charging, customer, inbox, settlement
from app.payments.locking import locked
from app.payments.models import Callback, Payment, Receipt
from tests import factories


def at_once(app, task, count):
    """Runs the task in so many threads that start together; answers their results."""
    gate = threading.Barrier(count)

    def run(n):
        with app.app_context():
            gate.wait()
            try:
                return task(n)
            finally:
                db.session.remove()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def count_of(model):
    return db.session.scalar(select(func.count()).select_from(model))


def test_the_lock_sees_what_others_committed(plan):
    payment, _ = factories.pending(plan)
    assert payment.status == "pending"
    with db.engine.begin() as other:
        other.execute(text("update payment set status = 'unconfirmed'"))
    assert locked(payment.id).status == "unconfirmed"
    db.session.rollback()
    with db.engine.begin() as other:
        other.execute(text("alter table payment disable trigger payment_moves"))
        other.execute(text("update payment set status = 'pending'"))
        other.execute(text("alter table payment enable trigger payment_moves"))


def test_fifty_threads_settle_one_callback_once(app, plan):
    payment, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, factories.success())

    def settle(_):
        settlement.settle(db.session.get_one(Callback, callback_id))
        db.session.commit()

    at_once(app, settle, 50)
    assert count_of(Receipt) == 1
    assert payment.invoice.period_end == payment.invoice.subscription.paid_through
    told = select(AuditEvent.details).where(AuditEvent.action == "callback.settled")
    outcomes = Counter(details["outcome"] for details in db.session.scalars(told))
    assert outcomes == {"paid": 1, "duplicate": 49}  # nobody judged by what they had read before


def test_fifty_deliveries_at_once_are_one_receipt(app, plan):
    payment, hook = factories.pending(plan)

    def deliver(_):
        inbox.receive(hook, factories.success(), None)
        db.session.commit()
        work.settle_inbox()

    at_once(app, deliver, 50)
    work.settle_inbox()
    assert count_of(Callback) == 50
    assert count_of(Receipt) == 1
    assert payment.status == "paid"


def test_twenty_posts_of_one_attempt_are_one_payment(app, plan):
    plan_id = plan.id

    def buy(_):
        sold = db.session.get_one(type(plan), plan_id)
        payment = charging.buy(sold, charging.Payer(factories.PHONE, None), "the-one-attempt")
        db.session.commit()
        return payment.id

    ids = at_once(app, buy, 20)
    assert len(set(ids)) == 1
    assert count_of(Payment) == 1


def test_two_attempts_of_one_phone_are_one_live_prompt(app, plan):
    plan_id = plan.id

    def buy(n):
        sold = db.session.get_one(type(plan), plan_id)
        try:
            charging.buy(sold, charging.Payer(factories.PHONE, None), f"attempt-number-{n}")
            db.session.commit()
        except MalipoError:
            db.session.rollback()
            return 0
        return 1

    assert sum(at_once(app, buy, 10)) == 1


def test_twenty_retries_of_one_invoice_are_one_payment(app, plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    token = payment.token

    def retry(_):
        new, _ = customer.again(customer.payment(token), None, None)
        db.session.commit()
        return new.id

    assert len(set(at_once(app, retry, 20))) == 1
    assert count_of(Payment) == 2


def test_many_workers_send_each_prompt_once(app, plan):
    for n in range(10):
        factories.bought(plan, phone=f"2547120000{n:02}", address=None)

    def claim(_):
        claimed = charging.claim()
        db.session.commit()
        return claimed.payment_id if claimed else None

    claimed = [found for found in at_once(app, claim, 10) if found]
    while (found := claim(None)) is not None:
        claimed.append(found)
    assert len(claimed) == len(set(claimed)) == 10


def test_a_success_and_a_failure_that_race_end_paid(app, plan):
    payment, hook = factories.pending(plan)
    bodies = [factories.success(), factories.failure()] * 5

    def deliver(n):
        inbox.receive(hook, bodies[n], None)
        db.session.commit()
        work.settle_inbox()

    at_once(app, deliver, 10)
    assert factories.fresh(payment.id).status == "paid"
    assert count_of(Receipt) == 1
