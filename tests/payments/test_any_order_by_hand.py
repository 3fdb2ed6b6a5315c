"""Any order of Safaricom's news, its statement, and what staff do with it: each sum once (M1, M2, M3)."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from app import clock
from app.billing import cancelling, subscriptions
from app.billing.models import Invoice
from app.daraja import Accepted
from app.errors import MalipoError
from app.extensions import db
from app.payments import booking, by_staff, charging, matching, reallocating, statements
from app.payments.models import Receipt
from app.payments.reallocating import SUSPENSE, Order
from app.payments.staff_models import Act, Reallocation, StatementLine
from app.staff.accounts import By
from tests import factories
from tests.payments import by_hand
from tests.payments.test_any_order import PRICE, Life

BY = By("staff:1", "the customer called")


class LifeWithStaff(Life):
    def __init__(self):
        super().__init__()
        self.amina, self.brian = by_hand.person().id, by_hand.person("owner").id
        self.attempts = 0
        merchant_id = factories.fresh(self.current).merchant_id
        self.ali = subscriptions.subscriber(merchant_id, "254733000001").id
        db.session.commit()

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
        except MalipoError:
            db.session.rollback()

    @initialize(cancelled=st.booleans())
    def a_prompt_is_out(self, cancelled):
        """Most of what staff do is about one. That it is cancelled is M-PESA's word, and not true."""
        self.send("paid")
        prompt = self.prompts[0]
        prompt.answered = True
        charging.accepted(self.current, Accepted("1-2-3", prompt.checkout_id))
        db.session.commit()
        if cancelled:
            self.deliver(prompt, factories.failure(1032, prompt.checkout_id))
            self.settle()

    def known_line(self, prompt, till):
        """The statement has it now, if it had not."""
        payment = factories.fresh(prompt.payment_id)
        account = "" if till else payment.invoice.reference
        row = by_hand.row(prompt.receipt, payment.sending_at, account=account)
        by_hand.taken_in(row, since=payment.sending_at, until=clock.now())
        return self.line_of(prompt)

    def line_of(self, prompt):
        return db.session.scalar(select(StatementLine).where(StatementLine.code == prompt.receipt))

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), till=st.booleans(), whose=st.booleans())
    def somebody_books_its_line(self, data, till, whose):
        prompt = self.some_paid_one(data)
        if prompt is not None:
            self.tried(statements.book, self.known_line(prompt, till), self.amina)
            if whose:
                self.somebody_gives_it_to_its_owner(data, whole=True)

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

    def subscription(self):
        return factories.fresh(self.current).invoice.subscription

    def someone(self, data):
        return data.draw(st.sampled_from([self.subscription().subscriber_id, self.ali]))

    @rule(data=st.data(), whole=st.booleans())
    def somebody_gives_it_to_its_owner(self, data, whole):
        if waiting := booking.in_suspense():
            receipt, left = data.draw(st.sampled_from(waiting))
            order = Order(SUSPENSE, self.subscription().subscriber_id, left if whole else left // 2)
            self.tried(reallocating.move, receipt.id, order, self.act(self.amina))

    @rule(data=st.data(), back=st.booleans())
    def somebody_moves_it_on(self, data, back):
        receipts = list(db.session.scalars(select(Receipt).order_by(Receipt.id)))
        places = [(one.id, who.id) for one in receipts for who, _ in reallocating.on_balances(one)]
        if places:
            receipt_id, source = data.draw(st.sampled_from(places))
            order = Order(source, SUSPENSE if back else self.someone(data), PRICE // 2)
            self.tried(reallocating.move, receipt_id, order, self.act(self.amina))

    @rule(data=st.data())
    def somebody_undoes_it(self, data):
        done = list(db.session.scalars(select(Reallocation.id).order_by(Reallocation.id)))
        if done:
            self.tried(reallocating.undo, data.draw(st.sampled_from(done)), self.act(self.brian))

    @rule(act=st.sampled_from([cancelling.cancel, cancelling.end_with_period]))
    def somebody_cancels(self, act):
        subscription = self.subscription()
        self.tried(lambda: act(by_staff.quiet(subscription), BY))

    @rule(data=st.data())
    def somebody_asks_for_the_next_period(self, data):
        subscription = self.subscription()
        self.tried(lambda: cancelling.undo(by_staff.held(subscription), BY))
        self.attempts += 1
        self.tried(lambda: self.asked(by_staff.ask(subscription, BY.actor, f"ask-{self.attempts}")))

    def asked(self, payment):
        self.current = payment.id

    def the_end_is_what_we_were_told(self):
        """Each sum once, wherever it is; what nobody has told us of is not there."""
        for prompt in self.prompts:
            payment = factories.fresh(prompt.payment_id)
            assert (payment.status == "paid") == prompt.heard_paid, (payment.status, prompt.truth)
        heard = [prompt for prompt in self.prompts if prompt.heard_paid]
        known = [one for one in self.prompts if one.heard_paid or self.line_of(one)]
        receipts = list(db.session.scalars(select(Receipt)))
        unlinked = [receipt for receipt in receipts if receipt.payment_id is None]
        assert len(heard) + len(unlinked) == len(receipts) <= len(known)
        assert self.everywhere() == PRICE * len(receipts)

    def everywhere(self):
        """On paid invoices, on balances and in suspense."""
        paid = db.session.scalar(
            select(func.count()).select_from(Invoice).where(Invoice.paid_at.is_not(None))
        )
        subscription = self.subscription()
        assert subscription.active == (paid > 0)
        balances = [booking.balance(who) for who in (subscription.subscriber_id, self.ali)]
        return PRICE * paid + sum(balances) + sum(left for _, left in booking.in_suspense())


def test_any_order_of_news_and_hands_ends_in_the_same_state(app):
    run_state_machine_as_test(
        LifeWithStaff,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
