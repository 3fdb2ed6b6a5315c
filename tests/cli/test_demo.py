"""`flask demo`: something to buy and weeks of history, once, and only beside the pretend Safaricom."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app import audit, clock, merchants, staff
from app.audit import AuditEvent
from app.billing.models import Plan, Subscriber, Subscription
from app.daraja import read_stk_callback
from app.desk import analytics, days, needs, overview, rows
from app.desk.models import SavedView
from app.extensions import db
from app.payments import closing, comparing, disputes
from app.payments.dispute_models import Dispute
from app.payments.models import Callback, Payment, Receipt
from app.payments.states import LIVE
from app.staff import ROLES, Staff
from tests import factories

EVENING = "2026-11-21T18:00:00Z"


def plans():
    db.session.expire_all()
    mine = Plan.merchant_id == merchants.named("default").id
    columns = (Plan.code, Plan.name, Plan.price, Plan.unit, Plan.every)
    found = select(*columns).where(mine).order_by(Plan.id)
    return [tuple(row) for row in db.session.execute(found)]


def count(model, *conditions):
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions))


def test_the_demo_has_a_name_three_plans_and_an_owner(cli):
    result = cli.invoke(args=["demo", "--no-history"])
    assert result.exit_code == 0
    assert merchants.named("default").name == "Mwanga Academy"
    assert plans() == [
        ("daily", "Day pass", 20, "day", 1),
        ("standard", "Standard", 1499, "month", 1),
        ("yearly", "Full year", 14999, "year", 1),
    ]
    told = re.fullmatch(r"admin: owner@example\.co\.ke  password: (\S{12,})\n", result.output)
    assert told
    people = db.session.scalars(select(Staff)).all()
    assert sorted(person.role for person in people) == sorted(ROLES)
    assert all(staff.password_fits(person, told[1]) for person in people)
    assert count(Payment) == 0


def test_there_is_another_merchant_with_a_number_and_secrets_of_its_own(cli):
    cli.invoke(args=["demo", "--no-history"])
    neighbour = merchants.named("duka")
    assert neighbour.number == "600123"
    assert neighbour.credentials().consumer_key == "key"
    assert count(Plan, Plan.merchant_id == neighbour.id) == 1


def test_a_second_time_nothing_happens(cli):
    cli.invoke(args=["demo", "--no-history"])
    before = plans()
    result = cli.invoke(args=["demo"])
    assert (result.exit_code, result.output) == (0, "")
    assert plans() == before
    assert (count(Staff), count(Payment)) == (5, 0)


def test_it_touches_nothing_where_something_is_sold_already(plan, cli):
    assert cli.invoke(args=["demo"]).exit_code == 0
    assert len(plans()) == 1
    assert merchants.named("default").name == "Duka"


def test_another_merchants_plans_do_not_matter(cli):
    factories.plan(factories.merchant())
    assert cli.invoke(args=["demo", "--no-history"]).exit_code == 0
    assert (len(plans()), count(Plan)) == (3, 4)


def test_outside_the_simulator_it_is_refused(cli, set_setting):
    set_setting(mpesa_environment="sandbox")
    result = cli.invoke(args=["demo"])
    assert result.exit_code == 1
    assert result.output == "Error: The demo is only for MPESA_ENVIRONMENT=simulator.\n"
    assert plans() == []


def test_an_account_of_that_name_is_said_and_leaves_nothing_behind(cli):
    staff.create(merchants.named("default"), "owner@example.co.ke", "owner", "correct horse")
    db.session.commit()
    result = cli.invoke(args=["demo"])
    assert result.exit_code == 1
    assert result.output == "Error: There is an account for owner@example.co.ke already.\n"
    assert plans() == []


@pytest.fixture
def history(cli):
    """The books are checked after the test, as after every other."""
    with time_machine.travel(EVENING, tick=False):
        result = cli.invoke(args=["demo"])
        assert result.exit_code == 0, result.output
        yield merchants.named("default")


def test_the_history_is_one_that_a_shop_could_have(history):
    """Everything at once: it takes seconds to make."""
    _check_size(history)
    _check_needs(history)
    _check_office(history)
    _check_nothing_goes_on()
    _check_what_is_sealed()
    assert audit.verify(history.id) == []


def _check_size(merchant):
    found = analytics.of(merchant.id, days.last_days(60))
    total = found.figures.total
    assert 1_500 <= total.asked <= 2_500
    assert 72 <= total.completed <= 85
    assert total.technical > total.completed
    assert len(found.figures.whole["cause"]) >= 10
    assert not [table.name for table in found.tables.values() if table.empty]
    assert min(total.by_asking, total.late) > 0
    assert 350 <= count(Subscriber) <= 500
    named = count(Subscriber, Subscriber.name.is_not(None))
    assert 0.7 < named / count(Subscriber) < 1
    today = overview.of(merchant.id).today
    assert today.collected > 0
    assert today.counts.asked >= 9


def _check_needs(merchant):
    kinds = [need.kind for need in needs.of(merchant)]
    assert kinds == [*["unconfirmed"] * 2, "proposal", "suspense", "dispute", "alert", "alert"]


def _check_office(merchant):
    """Statements, signed days, cases, subscriptions that end: every page has something to show."""
    found = comparing.compare(merchant, *since_and_until(45))
    odd = [comparing.THEIRS, comparing.DIFFERS]
    assert [found.counts[name][0] for name in odd] == [1, 1]
    assert found.counts[comparing.MATCHED][0] > 1_000
    assert len(found.ours) == 1
    signed = closing.signed_of(merchant, closing.last_days(7))
    assert len(signed) == 5
    for day, close in signed.items():
        assert not close.figures["differences"]
        assert close.figures["statement_covers"]
        assert closing.changes(close, closing.figures(merchant, day)) == []
    cases = db.session.scalars(select(Dispute).order_by(Dispute.opened_at)).all()
    assert [(one.outcome, len(disputes.evidence_of(one))) for one in cases] == [
        ("withdrawn", 1),
        (None, 1),
    ]
    assert count(Subscription, Subscription.ends_at.is_not(None)) == 4
    assert count(Subscription, Subscription.cancelled_at.is_not(None)) == 3
    assert count(SavedView) == 2
    told = select(AuditEvent.at).where(AuditEvent.merchant_id == merchant.id)
    times = list(
        db.session.scalars(told.where(AuditEvent.actor != "command").order_by(AuditEvent.seq))
    )
    assert times == sorted(times)


def since_and_until(past):
    first, last = closing.last_days(past)[-1], closing.last_days(1)[0]
    return closing.bounds(first)[0], closing.bounds(last)[1]


def _check_nothing_goes_on():
    """The scheduler finds nothing to send, settle or ask; and a customer's phone is nobody's here."""
    assert count(Payment, Payment.status.in_(LIVE)) == 0
    assert count(Payment, Payment.next_question_at.is_not(None)) == 0
    assert count(Callback, Callback.settled_at.is_(None)) == 0
    assert count(Payment, Payment.created_at > clock.now() - timedelta(minutes=5)) == 0


def _check_what_is_sealed():
    payment = db.session.scalars(select(Payment).where(Payment.status == "paid")).first()
    assert re.fullmatch("254[17][0-9]{8}", payment.phone)
    assert not payment.phone.startswith(("254712", "254722"))
    assert payment.checkout_request_id.startswith("ws_CO_")
    assert payment.invoice.subscription.subscriber.phone == payment.phone
    assert rows.of([payment.id])[0].phone
    receipt = db.session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()
    told = select(Callback).where(Callback.payment_id == payment.id)
    result = read_stk_callback(db.session.scalars(told).first().body)
    assert (result.receipt, result.amount) == (receipt.code, payment.amount)


def test_early_in_the_morning_today_has_something_too(cli):
    with time_machine.travel("2026-11-20T22:30:00Z", tick=False):  # half past one in Nairobi
        assert cli.invoke(args=["demo"]).exit_code == 0
        assert overview.of(merchants.named("default").id).today.counts.asked >= 5
