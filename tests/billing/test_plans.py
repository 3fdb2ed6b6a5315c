"""What is sold: made once, changed for the next invoice, and never longer or shorter than was bought."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from app.audit import AuditEvent
from app.billing import invoices, plans
from app.billing.models import Invoice, Plan, Subscription
from app.billing.plans import Interval
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.staff.accounts import By
from tests import factories
from tests.payments.test_concurrency import at_once

SUBSCRIBE = """with person as (
      insert into subscriber (merchant_id, token, phone_index, phone_sealed, created_at)
      values (:merchant, 't', '', '', now()) returning id)
    insert into subscription (merchant_id, token, subscriber_id, plan_id, created_at)
    select :merchant, 't', id, :plan, now() from person"""
AMINA = By("staff:7", "spring prices")


def events(subject="plan"):
    query = select(AuditEvent).where(AuditEvent.subject_type == subject).order_by(AuditEvent.id)
    return [(event.action, event.actor, event.details) for event in db.session.scalars(query)]


def test_a_plan_is_made_once_for_a_merchant(plan):
    with pytest.raises(Refused, match="There is a plan 'standard' already"):
        factories.plan()
    db.session.rollback()
    other = factories.plan(factories.merchant())
    assert (other.code, other.merchant.slug) == ("standard", "duka")
    assert db.session.scalar(select(func.count()).select_from(Plan)) == 2


def test_of_eight_at_once_one_makes_it_and_the_others_read_why(app):
    def make(_):
        try:
            factories.plan()
        except Refused as refusal:
            db.session.rollback()
            return str(refusal)

    said = at_once(app, make, 8)
    assert sorted(map(str, said)) == ["None", *["There is a plan 'standard' already."] * 7]


def test_any_other_rule_of_the_database_is_no_answer_to_a_person(app):
    with pytest.raises(Exception, match="ck_plan_price"):
        factories.plan(price=0)
    db.session.rollback()


def test_making_a_plan_is_audited(plan):
    assert events() == [("plan.created", "command", {"code": "standard", "price": 500})]


@pytest.mark.parametrize("text", ["a", "monthly", "2-weeks", "0", "a" * 40])
def test_a_code_fits_into_an_address(text):
    assert plans.checked_code(text) == text


@pytest.mark.parametrize("text", ["", "Gold", "-a", "a b", "a_b", "ä", "a/b", "a" * 41, "a\n"])
def test_what_does_not_fit_into_an_address_is_no_code(text):
    with pytest.raises(Refused, match="The code is 1 to 40"):
        plans.checked_code(text)


@pytest.mark.parametrize(
    ("text", "name"), [(" Gold ", "Gold"), ("a" * 60, "a" * 60), ("Çay  ☕", "Çay ☕")]
)
def test_a_name_is_what_a_person_would_read(text, name):
    assert plans.checked_name(text) == name


@pytest.mark.parametrize("text", ["", "   ", "a" * 61, "a\x00b", "a\u202eb"])
def test_what_nobody_can_read_is_no_name(text):
    with pytest.raises(Refused, match="The name has 1 to 60"):
        plans.checked_name(text)


@pytest.mark.parametrize("text", ["1", "250000", "0500"])
def test_a_price_is_what_mpesa_can_take(text):
    assert plans.checked_price(text) == int(text)


@pytest.mark.parametrize("text", ["", "0", "250001", "14.99", "1,499", "-5", "1e3", "٢٠", " 5"])
def test_what_mpesa_cannot_take_is_no_price(text):
    with pytest.raises(Refused, match="whole shillings from 1 to 250000"):
        plans.checked_price(text)


@pytest.mark.parametrize(
    ("text", "unit", "every"),
    [
        ("month", "month", 1),
        (" 2 Weeks", "week", 2),
        ("3-days", "day", 3),
        ("999 years", "year", 999),
    ],
)
def test_a_period_is_so_many_units(text, unit, every):
    assert plans.checked_interval(text) == Interval(unit, every)


@pytest.mark.parametrize("text", ["", "fortnight", "0 days", "1000 days", "-1 day", "1.5 months"])
def test_anything_else_is_no_period(text):
    with pytest.raises(Refused, match="The interval is day, week"):
        plans.checked_interval(text)


def test_a_change_is_audited_with_what_was_and_a_repeat_is_not(plan):
    for _ in range(2):
        plans.rename(plan, "Gold", AMINA)
        plans.reprice(plan, 600, AMINA)
        plans.change_interval(plan, Interval("week", 2), AMINA)
        db.session.commit()
    assert (plan.name, plan.price, plan.unit, plan.every) == ("Gold", 600, "week", 2)
    assert events()[1:] == [
        ("plan.renamed", "staff:7", {"before": "Standard", "after": "Gold"}),
        ("plan.repriced", "staff:7", {"before": 500, "after": 600}),
        ("plan.interval_changed", "staff:7", {"before": "1 month", "after": "2 week"}),
    ]


def test_a_new_price_never_touches_an_open_invoice(plan):
    """It is the customer's own new purchase, at the price on the form, that voids it."""
    payment, hook = factories.pending(plan)
    invoice = payment.invoice
    plans.reprice(plan, 900, AMINA)
    db.session.commit()
    assert invoice.open
    assert (invoice.amount, payment.amount) == (500, 500)
    factories.deliver(hook, factories.success(500))
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    assert invoice.paid_at is not None
    assert invoices.open_for(invoice.subscription).amount == 900
    db.session.rollback()


def test_who_comes_to_the_form_again_pays_what_it_shows(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    first, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    work.settle_inbox()
    plans.reprice(plan, 900, AMINA)
    db.session.commit()
    second = factories.bought(plan)
    old = factories.fresh(first.id).invoice
    assert (old.amount, old.voided_at is None) == (500, False)
    assert (second.amount, second.invoice.amount) == (900, 900)
    voided = [event for event in events("invoice") if event[0] == "invoice.voided"]
    assert voided == [("invoice.voided", "customer", {"amount": 500})]


def test_the_period_of_what_somebody_has_stays(plan):
    """M11: what was paid for is as long as the plan says, also in the books."""
    factories.bought(plan)
    with pytest.raises(Refused, match="Somebody has subscribed"):
        plans.change_interval(plan, Interval("year", 1), AMINA)
    db.session.rollback()
    plans.change_interval(plan, Interval("month", 1), AMINA)  # as it is
    db.session.rollback()
    assert (plan.unit, plan.every) == ("month", 1)


def test_whoever_is_first_of_a_buyer_and_a_changer_is_right(app):
    """A paid period is as long as the plan says: the books are checked after the test."""
    for n in range(6):
        sold = factories.plan(code=f"plan-{n}")
        plan_id, phone = sold.id, f"2547123456{n:02}"

        def race(who, plan_id=plan_id, phone=phone):
            one = db.session.get_one(Plan, plan_id)
            if who == 0:
                return factories.bought(one, phone).id
            try:
                plans.change_interval(one, Interval("day", 1), AMINA)
                db.session.commit()
            except Refused:
                db.session.rollback()

        [payment_id, _] = at_once(app, race, 2)
        db.session.expire_all()
        hook = factories.sent(factories.fresh(payment_id))
        factories.deliver(hook, factories.success(receipt=f"TKL000000{n}", checkout_id=f"ws_{n}"))
        work.settle_inbox()
        assert factories.fresh(payment_id).status == "paid"


def test_a_purchase_that_is_under_way_counts(app, plan):
    """It holds a share of the plan's key; whoever changes the period waits for its end."""
    plan_id = plan.id
    with db.engine.begin() as buyer, ThreadPoolExecutor(1) as pool:
        buyer.execute(text(SUBSCRIBE), {"plan": plan_id, "merchant": plan.merchant_id})
        db.session.rollback()

        def change():
            with app.app_context():
                try:
                    one = db.session.get_one(Plan, plan_id)
                    plans.change_interval(one, Interval("day", 1), AMINA)
                except Refused as refusal:
                    return str(refusal)
                finally:
                    db.session.remove()

        said = pool.submit(change)
        with pytest.raises(TimeoutError):
            said.result(0.5)
        buyer.commit()
        assert said.result(5).startswith("Somebody has subscribed")


def test_a_retired_plan_stays_with_whoever_has_it(plan):
    payment, hook = factories.pending(plan)
    plans.retire(plan, AMINA)
    plans.retire(plan, AMINA)
    db.session.commit()
    retired_at = plan.retired_at
    assert retired_at is not None
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert factories.fresh(payment.id).invoice.subscription.active
    plans.sell_again(plan, AMINA)
    plans.sell_again(plan, AMINA)
    db.session.commit()
    assert plan.retired_at is None
    assert events()[1:] == [
        ("plan.retired", "staff:7", {"reason": "spring prices"}),
        ("plan.sold_again", "staff:7", {"reason": "spring prices"}),
    ]


def test_nobody_has_a_plan_before_the_first_purchase(plan):
    assert not plans.is_sold(plan)
    factories.bought(plan)
    assert plans.is_sold(plan)
    assert db.session.scalars(select(Subscription.plan_id)).one() == plan.id
    assert db.session.scalars(select(Invoice.amount)).one() == plan.price
