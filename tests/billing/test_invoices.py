"""One open invoice for a subscription, at today's price, with a number that people can type."""

import re

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from app import clock
from app.audit import AuditEvent
from app.billing import invoices, subscriptions
from app.billing.models import Invoice, Plan
from app.extensions import db
from app.jobs import work
from tests import factories
from tests.payments.test_concurrency import at_once, count_of

REFERENCE = re.compile(r"[A-Z]{2}-[2-9A-Z]{7}")


@pytest.fixture
def subscription(plan):
    person = subscriptions.subscriber(plan.merchant_id, factories.PHONE)
    made = subscriptions.subscription(plan, person)
    db.session.commit()
    return made


def opened(subscription):
    invoice = invoices.open_for(subscription)
    db.session.commit()
    return invoice


def actions():
    query = select(AuditEvent.action).where(AuditEvent.subject_type == "invoice")
    return list(db.session.scalars(query.order_by(AuditEvent.id)))


def test_the_first_invoice_is_the_plans_price(subscription):
    invoice = opened(subscription)
    assert invoice.open
    assert (invoice.amount, invoice.merchant_id) == (500, subscription.merchant_id)
    assert (invoice.paid_at, invoice.voided_at, invoice.period_end) == (None, None, None)
    assert actions() == ["invoice.issued"]


def test_while_it_is_open_it_is_the_same_invoice(subscription):
    first = opened(subscription)
    assert opened(subscription).id == first.id
    assert count_of(Invoice) == 1


def test_a_new_price_makes_a_new_invoice_and_voids_the_old_one(subscription):
    old = opened(subscription)
    db.session.execute(update(Plan).values(price=600))
    db.session.commit()
    new = opened(subscription)
    assert (old.amount, new.amount) == (500, 600)
    assert old.voided_at is not None
    assert not old.open
    assert new.open
    assert new.reference != old.reference
    assert actions() == ["invoice.issued", "invoice.voided", "invoice.issued"]


def test_after_a_paid_invoice_comes_another(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    first = payment.invoice
    assert not first.open
    assert opened(first.subscription).id != first.id


def test_a_changed_mind_about_the_price_is_seen_fresh(subscription):
    """What another transaction committed is read under the lock."""
    invoice = opened(subscription)
    assert invoice.voided_at is None
    with db.engine.begin() as other:
        other.execute(update(Invoice).values(voided_at=clock.now()))
    assert opened(subscription).id != invoice.id


def test_the_database_knows_only_one_open_invoice(subscription):
    invoices.issue(subscription)
    with pytest.raises(DBAPIError, match="uq_invoice_one_open"):
        invoices.issue(subscription)
    db.session.rollback()


def test_an_invoice_cannot_be_paid_and_void(subscription):
    now = clock.now()
    invoice = opened(subscription)
    with pytest.raises(DBAPIError, match="ck_invoice_one_end"):
        db.session.execute(
            update(Invoice).values(paid_at=now, voided_at=now, period_start=None, period_end=now)
        )
    db.session.rollback()
    assert invoice.open


@pytest.mark.parametrize("change", [{"amount": 1}, {"reference": "XX-1234567"}])
def test_what_an_invoice_says_is_frozen(subscription, change):
    opened(subscription)
    with pytest.raises(DBAPIError, match="is frozen"):
        db.session.execute(update(Invoice).values(**change))
    db.session.rollback()


def test_two_readers_of_an_open_invoice_agree(app, subscription):
    opened(subscription)
    mine = subscription.id

    def read(_):
        found = db.session.get_one(type(subscription), mine)
        return opened(found).id

    assert len(set(at_once(app, read, 8))) == 1


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Mwanga Academy", "MW"),
        ("duka", "DU"),
        ("7-Eleven", "EL"),
        ("Q", "QX"),
        ("", "XX"),
        ("123", "XX"),
        ("Ñandú", "AN"),
        ("東京", "XX"),
        ("a b", "AB"),
    ],
)
def test_a_reference_is_short_and_begins_like_the_merchant(name, start):
    reference = invoices.new_reference(name)
    assert REFERENCE.fullmatch(reference)
    assert reference.startswith(f"{start}-")
    assert len(reference) <= 12
    assert not set(reference.split("-")[1]) & set("01ILOU")


def test_references_do_not_repeat():
    assert len({invoices.new_reference("Duka") for _ in range(5_000)}) == 5_000
