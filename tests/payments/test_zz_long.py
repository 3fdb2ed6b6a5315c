"""Any order of Safaricom's news, its statement, and what staff do with it: each sum once (M1, M2, M3)."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from app import clock
from app.daraja import Accepted
from app.errors import Refused
from app.extensions import db
from app.payments import booking, charging, matching, statements
from app.payments.models import Payment, Receipt
from app.payments.staff_models import Act, StatementLine
from tests import factories
from tests.payments import by_hand
from tests.payments.test_any_order import PRICE, Life


class LifeWithStaff(Life):
    def __init__(self):
        super().__init__()
        self.amina, self.brian = by_hand.person().id, by_hand.person("owner").id
        self.attempts = 0

    def act(self, staff_id):
        self.attempts += 1
        return Act(staff_id, "the customer showed the SMS", f"act-{self.attempts}")

    def some_paid_one(self, data):
        """A prompt that was paid, whether we know it or not."""
        paid = [prompt for prompt in self.prompts if prompt.truth == "paid"]
        return data.draw(st.sampled_from(paid)) if paid else None

    def tried(self, verb, *facts):
        try:
            verb(*facts)
            db.session.commit()
        except Refused:
            db.session.rollback()
            return False
        return True

    @initialize()
    def a_prompt_is_out(self):
        """Most of what staff do is about one."""
        self.send("paid")
        self.prompts[0].answered = True
        charging.accepted(self.current, Accepted("1-2-3", self.prompts[0].checkout_id))
        db.session.commit()

    def known_line(self, prompt, till):
        """The statement has it now, if it had not."""
        payment = factories.fresh(prompt.payment_id)
        account = "" if till else payment.invoice.reference
        row = by_hand.row(prompt.receipt, payment.sending_at, account=account)
        by_hand.taken_in(row, since=payment.sending_at, until=clock.now())
        return db.session.scalar(select(StatementLine).where(StatementLine.code == prompt.receipt))

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), till=st.booleans())
    def somebody_books_its_line(self, data, till):
        prompt = self.some_paid_one(data)
        if prompt is not None:
            self.tried(statements.book, self.known_line(prompt, till), self.amina)

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), told=st.booleans())
    def somebody_matches_it(self, data, told):
        prompt = self.some_paid_one(data)
        if prompt is not None:
            if told:
                self.known_line(prompt, till=False)
            act = self.act(self.amina)
            self.tried(matching.match, prompt.payment_id, prompt.receipt, act)
            self.note(prompt)

    @precondition(lambda self: self.prompts)
    @rule(agrees=st.booleans())
    def somebody_else_decides(self, agrees):
        for proposal in matching.waiting(factories.fresh(self.current).merchant_id):
            verb = matching.approve if agrees else matching.reject
            self.tried(verb, proposal.id, self.act(self.brian))
        for prompt in self.prompts:
            self.note(prompt)

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), till=st.booleans())
    def somebody_gives_the_missing_number(self, data, till):
        prompt = self.some_paid_one(data)
        receipt = self.receipt_of(prompt) if prompt else None
        if receipt is not None:
            line = self.known_line(prompt, till)
            self.tried(statements.give_number, line, receipt, self.act(self.amina))

    def receipt_of(self, prompt):
        return db.session.scalar(select(Receipt).where(Receipt.payment_id == prompt.payment_id))

    def note(self, prompt):
        """Staff have paid it, with evidence or by two: that is as good as hearing it."""
        if factories.fresh(prompt.payment_id).status == "paid":
            prompt.heard_paid = True

    def the_end_is_what_we_were_told(self):
        paid = [prompt for prompt in self.prompts if prompt.heard_paid]
        for prompt in self.prompts:
            payment = db.session.get_one(Payment, prompt.payment_id)
            assert (payment.status == "paid") == prompt.heard_paid, (payment.status, prompt.truth)
        waiting = booking.in_suspense()
        told = {prompt.receipt for prompt in self.prompts if not prompt.heard_paid}
        assert {receipt.code for receipt, _ in waiting} <= told
        count = db.session.scalar(select(func.count()).select_from(Receipt))
        assert count == len(paid) + len(waiting)
        subscription = factories.fresh(self.current).invoice.subscription
        assert subscription.active == bool(paid)
        assert booking.balance(subscription.subscriber_id) == PRICE * max(0, len(paid) - 1)


def test_any_order_of_news_and_hands_ends_in_the_same_state(app):
    run_state_machine_as_test(
        LifeWithStaff,
        settings=settings(
            max_examples=200,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
