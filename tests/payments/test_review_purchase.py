"""What can come between a purchase and its commit, one thing at a time."""

from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import audit, clock, direct
from app.audit import AuditEvent
from app.billing import cancelling, subscriptions
from app.billing.models import Invoice, Subscriber, Subscription
from app.errors import MustWait
from app.extensions import db
from app.jobs import work
from app.payments import by_staff, offers, outages, plain_purchase
from app.payments.charging import Payer
from app.payments.models import Payment
from app.privacy import erasing
from app.staff.accounts import COMMAND
from tests import factories
from tests.payments import beside
from tests.payments.beside import Beside, bucket_held, holding, somebody_waits
from tests.payments.test_concurrency import at_once, count_of
from tests.payments.test_plain_purchase import OTHER, by_object, paid
from tests.web import forms

OWN = {"id", "token", "attempt", "invoice_id", "phone_index", "phone_sealed", "created_at"}
ME = Payer(factories.PHONE, None, language="sw")
NO_KEY = "for no key update"


def owing(plan, phone=factories.PHONE, checkout_id="ws_CO_1"):
    """Somebody whose invoice is open, and whose phone has rested; and their hook."""
    with time_machine.travel(clock.now() - timedelta(days=2)):
        payment, hook = factories.pending(plan, phone, checkout_id)
        factories.deliver(hook, factories.failure(checkout_id=checkout_id))
        work.settle_inbox()
    return payment, hook


def plainly(who, attempt="an-attempt", offer=None):
    """As the checkout tries it. The token, or None."""
    offer = offer or offers.of("default", "standard")
    locks = plain_purchase.locks(offer, who, attempt)
    with suppress(plain_purchase.Odd), direct.transaction(locks) as rows:
        return plain_purchase.buy(rows, offer, who, attempt)
    return None


def payment_of(token):
    return db.session.scalars(select(Payment).where(Payment.token == token)).one()


def test_a_new_language_is_no_deadlock_with_late_money(app, plan):
    """Invoice, then subscriber (locking.py): the purchase and the settlement take them alike."""
    invoice = owing(plan)[0].invoice
    plan.price = 700  # not plain: charging.buy locks the invoice and voids it
    db.session.commit()
    ids = {"invoice": invoice.id, "person": invoice.subscription.subscriber_id}
    with holding(f"select from invoice where id = :invoice {NO_KEY}", **ids) as settling:
        purchase = Beside(app, lambda: by_object(ME))
        somebody_waits()
        settling.execute(text(f"select from subscriber where id = :person {NO_KEY}"), ids)
    assert payment_of(purchase.ended()).amount == 700
    assert db.session.get_one(Subscriber, ids["person"]).language == "sw"


def test_a_transaction_that_has_failed_is_not_said_to_be_committed(app):
    def swallow():
        with direct.transaction() as rows, suppress(DBAPIError):
            rows.exec_driver_sql("select 1 / %(nothing)s", {"nothing": 0})

    with pytest.raises(DBAPIError):
        swallow()
    assert beside.backends(beside.LEFT_OPEN) == 0


def test_nothing_that_may_be_missing_is_needed(app, plan):
    for n in range(7):  # psycopg prepares a statement that comes again
        row = payment_of(plainly(Payer(f"2547220000{n:02}", None), f"attempt-{n}"))
        assert (row.address_index, row.ref, row.return_url) == (None, None, None)
        assert (row.consent_version, row.consent_language) == (None, None)
        assert row.invoice.subscription.subscriber.language is None
    assert audit.verify(plan.merchant_id) == []


def test_who_owes_is_asked_alike_both_ways(app, plan):
    """What both leave is the same, but for who it is, and what chance and the clock make."""
    owing(plan)
    owing(plan, OTHER, "ws_CO_2")
    left = []
    for buy, phone in ((plainly, factories.PHONE), (by_object, OTHER)):
        since = count_of(AuditEvent)
        row = payment_of(buy(Payer(phone, "10.0.0.1", "INV 7", None, language="sw", consent=1)))
        facts = {c.key: getattr(row, c.key) for c in row.__table__.c if c.key not in OWN}
        events = select(AuditEvent.action).where(AuditEvent.seq > since).order_by(AuditEvent.seq)
        told = db.session.scalars(events).all()
        left.append((facts, told, row.invoice.subscription.subscriber.language))
    assert left[0] == left[1]
    assert left[0][1] == ["payment.created"]
    assert count_of(Invoice) == 2


def cancel(mine):
    cancelling.cancel(by_staff.quiet(mine), COMMAND)


def end(mine):
    cancelling.end_with_period(by_staff.quiet(mine), COMMAND)


def renumber(mine):
    by_staff.change_phone(mine.subscriber, OTHER, COMMAND)


def erase(mine):
    erasing.erase(mine.merchant_id, factories.PHONE, COMMAND)


ACTS = [cancel, end, renumber, erase]


@pytest.mark.parametrize("act", ACTS)
def test_what_staff_do_first_is_seen_by_the_purchase_that_waits(app, plan, act):
    mine = paid(plan).invoice.subscription
    act(mine)
    db.session.flush()
    purchase = Beside(app, lambda: plainly(ME))
    somebody_waits()
    db.session.commit()
    token = purchase.ended()
    assert (token is None) == (act is end)  # who stays after all goes the long way
    if token is not None:
        new = payment_of(token).invoice.subscription
        assert new.id != mine.id
        assert (new.subscriber.phone, new.cancelled_at) == (factories.PHONE, None)
        assert (new.subscriber_id == mine.subscriber_id) == (act is cancel)


@pytest.mark.parametrize("act", ACTS)
def test_staff_who_come_second_see_the_purchase(app, plan, act):
    mine = paid(plan).invoice.subscription_id
    with bucket_held(plan.merchant_id):
        purchase = Beside(app, lambda: plainly(ME))
        somebody_waits()
        staff = Beside(app, lambda: act(db.session.get_one(Subscription, mine)))
        somebody_waits(2)
    invoice, said = payment_of(purchase.ended()).invoice, staff.ended()
    theirs = invoice.subscription
    assert (invoice.subscription_id, invoice.open) == (mine, True)
    assert (theirs.cancelled_at, theirs.ends_at) == (None, None)
    if act is renumber:
        assert (said, theirs.subscriber.phone) == (None, OTHER)
    else:
        assert "request" in str(said).lower()


def test_a_person_who_is_written_between_the_statements_is_found(app, plan):
    merchant_id = plan.merchant_id
    with bucket_held(merchant_id):
        purchase = Beside(app, lambda: plainly(ME))
        somebody_waits()
        person_id = subscriptions.subscriber(merchant_id, factories.PHONE).id
        db.session.commit()
    person = payment_of(purchase.ended()).invoice.subscription.subscriber
    assert (person.id, person.language) == (person_id, "sw")


@pytest.mark.parametrize(
    "sql, asked",
    [
        ("update invoice set reference = reference where id = :id", True),
        ("update invoice set voided_at = now() where id = :id", False),
    ],
)
def test_an_open_invoice_is_looked_at_again_under_its_lock(app, plan, sql, asked):
    owed = owing(plan)[0].invoice_id
    with holding(sql, id=owed):
        purchase = Beside(app, lambda: plainly(ME))
        somebody_waits()
    token = purchase.ended()
    assert (token is not None) == asked
    assert not asked or payment_of(token).invoice_id == owed


def test_late_money_between_the_statements_is_booked_and_not_asked_for_again(app, plan):
    old, hook = owing(plan)
    with bucket_held(plan.merchant_id):
        purchase = Beside(app, lambda: plainly(ME))
        somebody_waits()
        factories.deliver(hook, factories.success())
        work.settle_inbox()
    assert purchase.ended() is None
    assert factories.fresh(old.id).invoice.paid_at


def test_a_phone_at_two_merchants_at_once_has_one_prompt(app, plan):
    at_other = factories.plan(factories.merchant(), code="gold").merchant_id

    def buy(n):
        slug, code = (("default", "standard"), ("duka", "gold"))[n % 2]
        return plainly(ME, f"attempt-number-{n}", offers.of(slug, code))

    assert len([token for token in at_once(app, buy, 8) if token]) == 1
    assert [audit.verify(one) for one in (plan.merchant_id, at_other)] == [[], []]


def test_who_shares_the_platforms_number_shares_its_outage(plan):
    merchant = factories.merchant()
    merchant.uses_platform_shortcode = True
    factories.plan(merchant, code="gold")
    offer = offers.of("duka", "gold")
    outages.pause("174379", outages.Pause(timedelta(hours=1), "maintenance", "staff:1"))
    db.session.commit()
    assert plainly(ME, offer=offer) is None


def test_without_limits_there_is_still_one_prompt_for_a_phone(plan, set_setting):
    set_setting(prompt_limits_enabled=False)
    assert plainly(ME)
    assert plainly(ME, "another-attempt") is None
    with pytest.raises(MustWait):
        by_object(ME, "another-attempt")
    db.session.rollback()


def test_a_cancelled_statement_leaves_nothing_open_in_the_pool(app, plan):
    with bucket_held(plan.merchant_id) as other:
        purchase = Beside(app, lambda: plainly(ME))
        somebody_waits()
        waiting = f"from pg_stat_activity where {beside.WAITING}"
        other.execute(text(f"select pg_cancel_backend(pid) {waiting}"))
        assert isinstance(purchase.ended(), DBAPIError)
    assert beside.backends(beside.LEFT_OPEN) == 0
    assert plainly(ME)


def test_a_server_that_goes_at_the_commit_is_a_503_and_the_form_can_be_sent_again(client, plan):
    url = "/subscribe/standard"
    sent = forms.fields(client.get(url)) | {"phone": "0712345678"}
    db.session.rollback()
    with beside.going_at_the_commit():
        assert client.post(url, data=sent).status_code == 503
    assert count_of(Payment) == 0
    first, again = client.post(url, data=sent), client.post(url, data=sent)
    assert (first.status_code, first.location) == (303, again.location)
    assert count_of(Payment) == 1
