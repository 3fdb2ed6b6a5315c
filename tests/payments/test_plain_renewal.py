"""Asking without the ORM writes what the usual way writes, and only where nothing is odd."""

from contextlib import suppress

import pytest
import time_machine
from sqlalchemy import event, select, text, update

from app import audit, clock, direct
from app.audit import AuditEvent
from app.billing import plans
from app.extensions import db
from app.jobs import renewals
from app.payments import limits, plain_renewal, renewing
from app.payments.models import Payment
from app.payments.plain_purchase import Odd
from app.payments.renewal_models import Renewal
from app.staff.accounts import By
from tests import factories
from tests.payments import renewed, sick
from tests.payments.renewed import outcomes, queue, run, subscribed
from tests.payments.test_concurrency import count_of
from tests.payments.test_plain_purchase import MADE_UP

THEIRS = {"invoice_id", "phone_index", "payment_id"}  # of each person


@pytest.fixture(autouse=True)
def noon(app):
    with time_machine.travel(renewed.NOON, tick=False):
        yield


def plainly(renewal_id):
    """Whether it was plain."""
    [one] = plain_renewal.queued([renewal_id])
    db.session.commit()
    with suppress(Odd):
        with direct.transaction(one.locks) as rows:
            plain_renewal.ask(rows, one)
        return True
    return False


def by_object(renewal_id):
    assert renewing.ask(renewal_id)
    db.session.commit()


def facts(row):
    return {c.key: getattr(row, c.key) for c in row.__table__.c if c.key not in MADE_UP | THEIRS}


def left(since):
    """What it has written, but for what is each person's own."""
    db.session.rollback()
    payment = db.session.scalars(select(Payment).order_by(Payment.id.desc()).limit(1)).one()
    row = db.session.scalars(select(Renewal).filter_by(payment_id=payment.id)).one()
    assert (payment.invoice_id, payment.phone) == (
        row.invoice_id,
        row.invoice.subscription.subscriber.phone,
    )
    assert payment.attempt == f"renewal-{row.id}"
    told = select(AuditEvent.action, AuditEvent.actor, AuditEvent.subject_type, AuditEvent.details)
    events = db.session.execute(told.where(AuditEvent.seq > since).order_by(AuditEvent.seq))
    return facts(payment), facts(row), [tuple(one) for one in events]


def test_it_writes_what_the_usual_way_writes(plan):
    for _ in range(2):
        subscribed(plan)
    run()
    first, second = (one.id for one in queue())
    before = count_of(AuditEvent)
    assert plainly(first)
    plain = left(before)
    before = count_of(AuditEvent)
    by_object(second)
    assert left(before) == plain
    assert plain[2] == [("payment.created", renewing.ACTOR, "payment", {"amount": 500})]
    assert audit.verify(plan.merchant_id) == []


def test_nearly_all_are_asked_without_the_session(plan):
    for _ in range(3):
        subscribed(plan)
    run()
    said = []

    def hear(_connection, _cursor, statement, *_):
        if statement.lstrip().startswith(("INSERT INTO payment", "UPDATE renewal")):
            said.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        assert renewals.ask_some() == 3
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
    assert said == []


def repriced(mine):
    plans.reprice(mine.plan, 900, By("staff:7"))


def on_the_phone(mine):
    factories.bought(mine.plan, mine.subscriber.phone, address=None)


def is_sick(_mine):
    sick.outage()


def old(_mine):
    db.session.execute(update(Renewal).values(queued_at=clock.now() - 2 * renewing.LIFE))


def paid(mine):
    renewed.pays(mine)


def void(_mine):
    db.session.execute(text("update invoice set voided_at = now() where paid_at is null"))


def done(_mine):
    db.session.execute(update(Renewal).values(done_at=clock.now(), outcome="void"))


@pytest.mark.parametrize("odd", [repriced, on_the_phone, is_sick, old, paid, void, done])
def test_what_is_odd_is_left_to_the_usual_way_with_nothing_done(plan, odd):
    mine = subscribed(plan)
    run()
    [row] = queue()
    odd(mine)
    db.session.commit()
    before = count_of(Payment), count_of(AuditEvent), outcomes()
    assert not plainly(row.id)
    assert (count_of(Payment), count_of(AuditEvent), outcomes()) == before


def test_whoever_has_another_number_by_now_is_not_asked_on_the_old_one(plan):
    mine = subscribed(plan)
    run()
    [row] = queue()
    [one] = plain_renewal.queued([row.id])
    mine.subscriber.phone_index = limits.attempt_key(1, "another number")
    db.session.commit()
    with pytest.raises(Odd), direct.transaction(one.locks) as rows:
        plain_renewal.ask(rows, one)
    assert outcomes() == [None]
