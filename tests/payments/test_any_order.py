"""Any order and number of {push answer, lost answer, callbacks, answers, retry, time} (M1-M12).

Safaricom's truth about each prompt is drawn first; what we hear of it comes in any order, any
number of times, or never. Whatever we heard, the books are right after every step, and at the end a
payment is paid exactly when somebody has told us so.
"""

from datetime import timedelta

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from app import clock
from app.billing.models import Plan
from app.daraja import Accepted, Answer, Reason, Refused, Verdict
from app.errors import MalipoError
from app.extensions import db
from app.jobs import work
from app.payments import booking, charging, customer, reconciliation
from app.payments.models import Payment, Receipt
from tests import factories
from tests.conftest import empty_database, wrong_in_the_books

SILENCE = (Answer(Verdict.PENDING, "4999", None), Answer(Verdict.UNKNOWN, "HTTP 503", None))
NO = Answer(Verdict.FAILED, "1", Reason.INSUFFICIENT_FUNDS)
YES = Answer(Verdict.PAID, "0", None)
PRICE = 500


class Prompt:
    """One payment, what is true of it at Safaricom, and what we have been told."""

    def __init__(self, payment_id, hook, truth):
        self.payment_id, self.hook, self.truth = payment_id, hook, truth
        self.checkout_id = f"ws_CO_{payment_id}"
        self.receipt = f"TKL{payment_id:07}"
        self.answered = False
        self.heard_paid = False


class Life(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        empty_database()
        self.travel = time_machine.travel(clock.now(), tick=False)
        self.time = self.travel.start()
        plan = factories.plan(price=PRICE)
        self.plan_id = plan.id
        self.current = factories.bought(plan).id
        self.prompts = []

    @initialize(cautious=st.booleans())
    def the_merchant_may_want_every_success_confirmed(self, cautious):
        plan = db.session.get_one(Plan, self.plan_id)
        plan.merchant.verify_above = PRICE - 1 if cautious else None
        db.session.commit()

    def teardown(self):
        try:
            work.settle_inbox()
            self.what_is_held_is_asked_about()
            self.the_end_is_what_we_were_told()
        finally:
            db.session.rollback()
            self.travel.stop()

    @rule(truth=st.sampled_from(["paid", "paid", "failed"]))
    def send(self, truth):
        claimed = charging.claim()
        db.session.commit()
        if claimed is not None:
            hook = claimed.prompt.callback_url.rsplit("/", 1)[1]
            self.prompts.append(Prompt(claimed.payment_id, hook, truth))

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), answer=st.sampled_from(["accepted", "lost", "refused"]))
    def the_push_is_answered(self, data, answer):
        prompt = data.draw(st.sampled_from(self.prompts))
        if prompt.answered:
            return
        prompt.answered = True
        if answer == "accepted":
            charging.accepted(prompt.payment_id, Accepted("1-2-3", prompt.checkout_id))
        elif answer == "refused" and prompt.truth == "failed":
            charging.refused(prompt.payment_id, Refused(Reason.BUSY, "500.003.02", "busy"))
        else:
            charging.unanswered(prompt.payment_id)
        db.session.commit()

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), times=st.integers(1, 3), failed_first=st.booleans())
    def a_callback_comes(self, data, times, failed_first):
        prompt = data.draw(st.sampled_from(self.prompts))
        for _ in range(times):
            if failed_first or prompt.truth == "failed":
                self.deliver(prompt, factories.failure(1032, prompt.checkout_id))
            if prompt.truth == "paid":
                prompt.heard_paid = True
                self.deliver(prompt, factories.success(PRICE, prompt.receipt, prompt.checkout_id))

    @precondition(lambda self: self.prompts)
    @rule(data=st.data())
    def an_odd_callback_comes(self, data):
        """Another request's id, or nonsense: it must not pay by itself."""
        prompt = data.draw(st.sampled_from(self.prompts))
        bodies = [b"<html>", factories.failure(4999, prompt.checkout_id)]
        if db.session.get_one(Payment, prompt.payment_id).checkout_index:
            bodies.append(factories.success(PRICE, "TKLFORGED1", "ws_CO_other"))
        self.deliver(prompt, data.draw(st.sampled_from(bodies)))

    def deliver(self, prompt, body):
        assert factories.deliver(prompt.hook, body)

    @rule()
    def settle(self):
        work.settle_inbox()

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), silent=st.booleans())
    def safaricom_is_asked(self, data, silent):
        prompt = data.draw(st.sampled_from(self.prompts))
        answer = YES if prompt.truth == "paid" else NO
        if silent:
            answer = data.draw(st.sampled_from(SILENCE))
        if db.session.get_one(Payment, prompt.payment_id).status in ("created", "sending"):
            return
        prompt.heard_paid = prompt.heard_paid or answer is YES
        reconciliation.answered(prompt.payment_id, answer)
        db.session.commit()

    @rule(other_phone=st.booleans())
    def try_again(self, other_phone):
        phone = "254722000001" if other_phone else None
        try:
            new, _ = customer.again(db.session.get_one(Payment, self.current), phone, None)
            db.session.commit()
            self.current = new.id
        except MalipoError:
            db.session.rollback()

    @rule(minutes=st.sampled_from([0.2, 1, 3, 10, 60]))
    def time_passes(self, minutes):
        self.time.shift(timedelta(minutes=minutes))
        charging.give_up_unsent()
        db.session.commit()
        charging.give_up_waiting()
        db.session.commit()

    @invariant()
    def the_books_are_right(self):
        assert wrong_in_the_books() == []

    def what_is_held_is_asked_about(self):
        for prompt in self.prompts:
            if factories.fresh(prompt.payment_id).held_callback_id is not None:
                prompt.heard_paid = prompt.heard_paid or prompt.truth == "paid"
                reconciliation.answered(prompt.payment_id, YES if prompt.truth == "paid" else NO)
                db.session.commit()

    def the_end_is_what_we_were_told(self):
        paid = [prompt for prompt in self.prompts if prompt.heard_paid]
        for prompt in self.prompts:
            payment = factories.fresh(prompt.payment_id)
            assert (payment.status == "paid") == prompt.heard_paid, (payment.status, prompt.truth)
        assert db.session.scalar(select(func.count()).select_from(Receipt)) == len(paid)
        subscription = factories.fresh(self.current).invoice.subscription
        assert subscription.active == bool(paid)
        assert booking.balance(subscription.subscriber_id) == PRICE * max(0, len(paid) - 1)


def test_any_order_of_news_ends_in_the_same_state(app):
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
