"""A plain purchase goes around the ORM: it writes what the usual way writes, and only where nothing is odd."""

from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from app import audit, clock, direct
from app.audit import AuditEvent
from app.billing import plans
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.errors import MustWait
from app.extensions import db
from app.jobs import work
from app.payments import (
    buckets,
    charging,
    customer,
    limits,
    offers,
    opt_out,
    outages,
    plain_purchase,
)
from app.payments.charging import Payer
from app.payments.models import Payment
from tests import factories
from tests.payments.test_concurrency import at_once, count_of
from tests.web import forms

TABLES = (Subscriber, Subscription, Invoice, Payment)
MADE_UP = {"id", "token", "attempt", "reference", "phone_sealed", "created_at"}
OTHER = "254722000000"


def payer(phone=factories.PHONE, address="10.0.0.1", **more):
    return Payer(phone, address, "INV 7", "https://x.test", language="sw", consent=1, **more)


def plainly(who, attempt="an-attempt"):
    """As the checkout tries it. The token, or None."""
    offer = offers.of("default", "standard")
    locks = plain_purchase.locks(offer, who, attempt)
    with suppress(plain_purchase.Odd), direct.transaction(locks) as rows:
        return plain_purchase.buy(rows, offer, who, attempt)
    return None


def by_object(who, attempt="another-attempt"):
    payment = charging.buy(db.session.scalars(select(Plan)).one(), who, attempt)
    db.session.commit()
    return payment.token


def newest():
    """What the last purchase left, but for what chance and the clock make."""
    db.session.rollback()
    rows = [db.session.scalars(select(t).order_by(t.id.desc()).limit(1)).one() for t in TABLES]
    return [
        {c.key: getattr(row, c.key) for c in row.__table__.c if c.key not in MADE_UP}
        | {"phone": getattr(row, "phone", None)}
        for row in rows
    ]


def events(since=0):
    query = select(AuditEvent.action, AuditEvent.actor, AuditEvent.subject_type, AuditEvent.details)
    found = db.session.execute(query.where(AuditEvent.seq > since).order_by(AuditEvent.seq))
    return [tuple(row) for row in found]


def counted():
    return [count_of(model) for model in (*TABLES, AuditEvent)]


def paid(plan, phone=factories.PHONE):
    """Somebody who has paid for a month, two days ago."""
    with time_machine.travel(clock.now() - timedelta(days=2)):
        payment, hook = factories.pending(plan, phone)
        factories.deliver(hook, factories.success())
        work.settle_inbox()
    return payment


def emptied():
    """As it was before anybody bought."""
    for table in ("payment", "invoice", "subscription", "subscriber"):
        db.session.execute(text(f"delete from {table}"))
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        db.session.execute(text(f"select setval({sequence}, 1, false)"))
    db.session.commit()


@pytest.mark.breaks_books  # of the first purchase only the events stay
def test_it_writes_what_the_usual_way_writes(plan):
    assert plainly(payer())
    first, told = newest(), events(since=1)
    emptied()
    by_object(payer())
    assert newest() == first
    assert events(since=1 + len(told)) == told
    assert [action for action, *_ in told] == [
        "subscription.opened",
        "invoice.issued",
        "payment.created",
    ]
    assert audit.verify(plan.merchant_id) == []


def test_who_has_the_plan_already_keeps_the_subscription(plan):
    mine = paid(plan).invoice.subscription_id
    before = count_of(AuditEvent)
    token = plainly(payer())
    payment = db.session.scalars(select(Payment).where(Payment.token == token)).one()
    assert payment.invoice.subscription_id == mine
    assert payment.invoice.subscription.subscriber.language == "sw"
    assert [action for action, *_ in events(before)] == ["invoice.issued", "payment.created"]
    assert count_of(Subscriber) == 1


def test_what_it_writes_can_be_sent_and_paid(plan):
    token = plainly(payer())
    payment = db.session.scalars(select(Payment).where(Payment.token == token)).one()
    hook = factories.sent(payment)
    factories.accepted(payment)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    assert payment.phone == factories.PHONE
    assert payment.invoice.subscription.subscriber.phone == factories.PHONE


def opted_out(_plan):
    opt_out.add(factories.PHONE)


def on_the_phone(plan):
    factories.bought(plan, address=None)


def on_the_phone_of_another_merchant(_plan):
    factories.bought(factories.plan(factories.merchant(), code="gold"), address=None)


def failed(plan, ago, **more):
    """A request that was cancelled so long ago: its invoice is open."""
    with time_machine.travel(clock.now() - ago):
        checkout_id = f"ws_CO_{next(factories.number)}"
        payment, hook = factories.pending(plan, checkout_id=checkout_id, **more)
        factories.deliver(hook, factories.failure(checkout_id=checkout_id))
        work.settle_inbox()
    return payment


def just_failed(plan):
    failed(plan, timedelta(seconds=100))


def unconfirmed(plan):
    with time_machine.travel(clock.now() - timedelta(seconds=200)):
        factories.pending(plan)
    charging.give_up_waiting()


def ten_today(plan):
    for n in range(10):
        failed(plan, timedelta(hours=23 - 2 * n))


def owes_another_price(plan):
    failed(plan, timedelta(days=2))
    plan.price = 700


def asked_from_another_phone(plan):
    old = failed(plan, timedelta(days=2))
    customer.again(customer.payment(old.token), OTHER, None)


def asked_five_times_this_hour(plan):
    old = failed(plan, timedelta(days=2))
    for n in range(5):
        with time_machine.travel(clock.now() - timedelta(minutes=50 - 3 * n)):
            new, _ = customer.again(customer.payment(old.token), f"2547220001{n:02}", None)
            db.session.commit()
            hook = factories.sent(new)
            factories.accepted(new, f"ws_CO_five_{n}")
            factories.deliver(hook, factories.failure(checkout_id=f"ws_CO_five_{n}"))
            work.settle_inbox()
            old = new


def ends(plan):
    subscription = paid(plan).invoice.subscription
    subscription.ends_at = subscription.paid_through


def sick(plan):
    outages.pause(plan.merchant.number, outages.Pause(timedelta(hours=1), "maintenance", "staff:1"))


def crowded(plan):
    for n in range(20):
        factories.bought(plan, f"2547220000{n:02}")


def empty_bucket(plan):
    buckets.drain(limits.bucket(plan.merchant_id), limits.merchants_rate(), seconds=5)


def repeated(plan):
    with time_machine.travel(clock.now() - timedelta(days=2)):
        payment = charging.buy(plan, Payer(OTHER, None), "an-attempt")
        db.session.commit()
        charging.give_up_unsent()
    assert payment.attempt == "an-attempt"


ODD = [
    opted_out,
    on_the_phone,
    on_the_phone_of_another_merchant,
    just_failed,
    unconfirmed,
    ten_today,
    owes_another_price,
    asked_from_another_phone,
    asked_five_times_this_hour,
    ends,
    sick,
    crowded,
    empty_bucket,
    repeated,
]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_left_to_the_usual_way_with_nothing_done(plan, odd):
    odd(plan)
    db.session.commit()
    before = counted()
    assert plainly(payer()) is None
    db.session.rollback()
    assert counted() == before


def test_no_limit_looks_back_further_than_what_is_read(app):
    assert plain_purchase.MINUTES.length >= limits.UNCONFIRMED_GATE
    assert list(limits.PHONE_WINDOWS) == [plain_purchase.MINUTES, plain_purchase.DAY]


def nobody(_plan):
    pass


def rested(plan):
    failed(plan, timedelta(seconds=130))


def owes(plan):
    failed(plan, timedelta(days=2))


def nine_today(plan):
    for n in range(9):
        failed(plan, timedelta(hours=23 - 2 * n))


@pytest.mark.parametrize("known", [nobody, paid, owes, rested, nine_today])
def test_the_checkout_of_known_and_unknown_people_needs_no_session(client, plan, known):
    """C09: a stranger learns nothing from how long it takes."""
    known(plan)
    db.session.commit()
    url = "/subscribe/standard"
    sent = forms.fields(client.get(url)) | {"phone": "0712345678"}
    before, invoices = count_of(Payment), count_of(Invoice)
    said = []
    db.session.rollback()

    def hear(_connection, _cursor, statement, *_):
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        assert client.post(url, data=sent).status_code == 303
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
    assert said == []
    assert count_of(Payment) == before + 1
    assert count_of(Invoice) == invoices + (known in (nobody, paid))
    assert audit.verify(plan.merchant_id) == []


def either_way(n, who, attempt):
    """As two processes would, one of them of the version before this."""
    if n % 2 and (token := plainly(who, attempt)):
        return token
    return by_object(who, attempt)


def test_an_open_invoice_that_is_paid_in_this_moment_is_paid_once(app, plan):
    """Its late message and a new purchase race: one waits for the other, and money is never lost."""
    waiting = []
    with time_machine.travel(clock.now() - timedelta(days=2)):
        for n in range(6):
            old, hook = factories.pending(plan, f"2547440000{n:02}", f"ws_CO_race_{n}")
            factories.deliver(hook, factories.failure(checkout_id=f"ws_CO_race_{n}"))
            work.settle_inbox()
            waiting.append((old.id, old.invoice_id, hook))
    for n, (old_id, owed, hook) in enumerate(waiting):
        factories.deliver(hook, factories.success(500, f"TKL{n:07}", f"ws_CO_race_{n}"))

        def act(k, n=n):
            if k:
                return either_way(1, payer(f"2547440000{n:02}"), f"attempt-{n}")
            return work.settle_inbox()

        token = at_once(app, act, 2)[1]
        new = db.session.scalars(select(Payment).where(Payment.token == token)).one()
        assert factories.fresh(old_id).status == "paid"
        assert (new.invoice_id == owed) or new.invoice.open


def test_one_attempt_is_one_payment_whichever_way_it_goes(app, plan):
    tokens = at_once(app, lambda n: either_way(n, payer(), "the-one-attempt"), 12)
    assert len(set(tokens)) == 1
    assert count_of(Payment) == 1
    assert audit.verify(plan.merchant_id) == []


def test_one_phone_has_one_prompt_whichever_way_it_is_asked_for(app, plan):
    def buy(n):
        with suppress(MustWait):
            return either_way(n, payer(address=f"10.0.0.{n}"), f"attempt-number-{n}")
        db.session.rollback()
        return None

    assert len([token for token in at_once(app, buy, 12) if token]) == 1
    assert [count_of(model) for model in TABLES] == [1, 1, 1, 1]


def test_an_address_has_twenty_whichever_way_they_go(app, plan):
    for n in range(16):
        assert plainly(payer(f"2547110000{n:02}"), f"attempt-before-{n}")

    def buy(n):
        with suppress(MustWait):
            return either_way(n, payer(f"2547220000{n:02}"), f"attempt-race-{n}")
        db.session.rollback()
        return None

    assert len([token for token in at_once(app, buy, 10) if token]) == 4
    assert audit.verify(plan.merchant_id) == []


def test_many_people_at_once_are_one_chain_of_events(app, plan):
    def buy(n):
        return plainly(payer(f"2547330000{n:02}", f"10.1.0.{n}"), f"attempt-many-{n}")

    assert len(set(at_once(app, buy, 12)) - {None}) == 12
    assert audit.verify(plan.merchant_id) == []
    assert count_of(AuditEvent) == 1 + 3 * 12


# In this test's database: others run beside it.
HELD = """locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())"""


class Crash(Exception):
    pass


def crash():
    raise Crash


def lose_the_server():
    """What holds the phone's lock is the purchase."""
    mine = f"select pg_terminate_backend(pid) from pg_locks where {HELD}"
    with db.engine.begin() as other:
        other.execute(text(mine))


def buy_and(then):
    offer, who = offers.of("default", "standard"), payer()
    with direct.transaction(plain_purchase.locks(offer, who, "an-attempt")) as rows:
        assert plain_purchase.buy(rows, offer, who, "an-attempt")
        then()


@pytest.mark.parametrize("fault, seen", [(crash, Crash), (lose_the_server, DBAPIError)])
def test_a_crash_before_the_commit_leaves_nothing_and_lets_go(plan, fault, seen):
    before = counted()
    with pytest.raises(seen):
        buy_and(fault)
    db.session.rollback()
    assert counted() == before
    assert db.session.scalar(text(f"select count(*) from pg_locks where {HELD}")) == 0
    assert plainly(payer())


def test_the_plan_that_is_offered_is_the_one_that_is_there(plan):
    offer = offers.of("default", "standard")
    assert (offer.plan_id, offer.price, offer.unit, offer.every) == (plan.id, 500, "month", 1)
    assert (offer.seller.number, offer.seller.through, offer.shut) == ("174379", None, None)
    assert offers.of("default", "nothing") is None
    assert offers.of("nobody", "standard") is None


def test_who_sells_through_the_platform_says_so(plan):
    merchant = factories.merchant()
    merchant.uses_platform_shortcode = True
    plans.create(Plan(merchant_id=merchant.id, code="x", name="X", price=9, unit="day", every=1))
    db.session.commit()
    seller = offers.of("duka", "x").seller
    assert (seller.number, seller.through) == ("174379", "Duka")


def test_a_price_is_the_one_that_was_shown_in_the_form(plan):
    buy_and(lambda: db.session.execute(text("update plan set price = 600")))
    db.session.commit()
    assert db.session.scalar(select(func.max(Payment.amount))) == 500
