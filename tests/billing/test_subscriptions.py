"""One person, one running subscription to a plan; time is given as it was paid for."""

from datetime import datetime, timedelta
from itertools import count

import pytest
import time_machine
from sqlalchemy import select

from app import clock, merchants
from app.audit import AuditEvent
from app.billing import invoices, subscriptions
from app.billing.models import Subscriber, Subscription
from app.clock import NAIROBI
from app.extensions import db
from app.jobs import work
from tests import factories
from tests.payments.test_concurrency import at_once, count_of

OTHER = "254722000111"
number = count(1)


def on(day, time="12:00"):
    moment = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=NAIROBI)
    return time_machine.travel(moment, tick=False)


def person(phone=factories.PHONE):
    return subscriptions.subscriber(merchants.named("default").id, phone)


def paid(sold):
    """Buys the plan again, and pays it at once."""
    n = next(number)
    payment, hook = factories.pending(sold, checkout_id=f"ws_CO_{n}")
    news = factories.success(sold.price, f"TKL{n:07}", f"ws_CO_{n}")
    factories.deliver(hook, news)
    work.settle_inbox()
    return factories.fresh(payment.id).invoice


def days(invoice):
    zone = (invoice.period_start, invoice.period_end)
    return tuple(moment.astimezone(NAIROBI).date().isoformat() for moment in zone)


def test_a_phone_is_one_person_of_a_merchant(app):
    first = person()
    db.session.commit()
    assert person().id == first.id
    assert person(OTHER).id != first.id
    assert first.phone == factories.PHONE


def test_two_merchants_know_a_person_each_for_themselves(app):
    other = factories.merchant()
    mine, theirs = person(), subscriptions.subscriber(other.id, factories.PHONE)
    db.session.commit()
    assert mine.id != theirs.id
    assert mine.phone_index == theirs.phone_index
    assert mine.phone_sealed != theirs.phone_sealed
    assert (mine.phone, theirs.phone) == (factories.PHONE, factories.PHONE)


def test_ten_at_once_meet_one_person(app):
    def meet(_):
        found = person().id
        db.session.commit()
        return found

    assert len(set(at_once(app, meet, 10))) == 1
    assert count_of(Subscriber) == 1


def test_a_running_subscription_is_found_again(plan):
    first = subscriptions.subscription(plan, person())
    db.session.commit()
    assert subscriptions.subscription(plan, person()).id == first.id
    assert not first.active
    [opened] = db.session.scalars(select(AuditEvent).where(AuditEvent.subject_type != "plan"))
    assert (opened.action, opened.details) == ("subscription.opened", {"plan": "standard"})


def test_after_a_cancellation_a_new_one_is_opened(plan):
    first = subscriptions.subscription(plan, person())
    first.cancelled_at = clock.now()
    db.session.commit()
    second = subscriptions.subscription(plan, person())
    db.session.commit()
    assert second.id != first.id
    assert count_of(Subscription) == 2


def test_time_begins_when_it_is_paid(plan):
    with on("2027-01-31"):
        invoice = paid(plan)
        assert days(invoice) == ("2027-01-31", "2027-02-28")
        assert invoice.subscription.active
        assert invoice.subscription.anchor_day == 31
        assert invoice.subscription.paid_through == invoice.period_end


def test_paid_time_ends_by_itself(plan):
    with on("2027-01-31"):
        subscription = paid(plan).subscription
    with on("2027-02-28", "11:59"):
        assert subscription.active
    with on("2027-02-28", "12:00"):
        assert not subscription.active


def test_who_pays_early_loses_nothing_and_the_anchor_returns(plan):
    with on("2027-01-31"):
        paid(plan)
    with on("2027-02-10"):
        assert days(paid(plan)) == ("2027-02-28", "2027-03-31")
    with on("2027-02-11"):
        assert days(paid(plan)) == ("2027-03-31", "2027-04-30")


def test_who_pays_late_starts_anew_on_a_new_day(plan):
    with on("2027-01-31"):
        paid(plan)
    with on("2027-03-05"):
        invoice = paid(plan)
        assert days(invoice) == ("2027-03-05", "2027-04-05")
        assert invoice.subscription.anchor_day == 5


def test_who_pays_as_the_time_ends_starts_anew(plan):
    with on("2027-01-31"):
        paid(plan)
    with on("2027-02-28"):
        invoice = paid(plan)
        assert days(invoice) == ("2027-02-28", "2027-03-28")


@pytest.mark.parametrize("day", range(28, 32))
def test_a_year_of_months_paid_early_keeps_its_day(plan, set_setting, day):
    """The books are checked after each test: they know the calendar by other means."""
    set_setting(prompt_limits_enabled=False)
    with on(f"2028-01-{day}"):
        for _ in range(13):
            invoice = paid(plan)
    assert days(invoice) == (f"2029-01-{day}", "2029-02-28")


@pytest.mark.parametrize(
    ("unit", "every", "end"),
    [
        ("day", 1, "2028-03-01"),
        ("week", 2, "2028-03-14"),
        ("month", 1, "2028-03-29"),
        ("quarter", 1, "2028-05-29"),
        ("year", 1, "2029-02-28"),
        ("year", 4, "2032-02-29"),
    ],
)
def test_every_interval_can_be_sold(app, unit, every, end):
    sold = factories.plan(unit=unit, every=every)
    with on("2028-02-29"):
        assert days(paid(sold)) == ("2028-02-29", end)


def test_just_after_midnight_the_day_is_nairobis(plan):
    with on("2027-02-01", "00:30"):  # in UTC it is still January
        assert days(paid(plan)) == ("2027-02-01", "2027-03-01")


def test_an_extension_is_audited_with_its_end(plan):
    with on("2027-01-31"):
        invoice = paid(plan)
    query = select(AuditEvent).where(AuditEvent.action == "subscription.extended")
    event = db.session.scalars(query).one()
    assert event.details == {"invoice": invoice.id, "until": "2027-02-28T09:00:00+00:00"}


def test_an_invoice_is_extended_from_its_own_times(plan):
    """Time given by hand at a moment of its own, as settlement does for late money."""
    subscription = subscriptions.subscription(plan, person())
    invoice = invoices.open_for(subscription)
    then = clock.now() - timedelta(days=3)
    subscriptions.extend(invoice, then)
    assert (invoice.paid_at, invoice.period_start) == (then, then)
    db.session.rollback()
