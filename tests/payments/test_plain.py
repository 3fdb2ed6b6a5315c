"""Many messages at once: plain ones together, odd ones alone, and what it comes to is the same."""

import psycopg
from sqlalchemy import event, func, select, text

from app import audit
from app.extensions import db
from app.jobs import work
from app.ledger import LedgerEntry
from app.payments import limits
from app.payments.locking import number_key
from app.payments.models import Callback, Payment, Receipt
from tests import factories
from tests.payments.beside import Beside, holding, somebody_waits


def outcomes():
    db.session.expire_all()
    return list(db.session.scalars(select(Callback.outcome).order_by(Callback.id)))


def pending(plan, n):
    payment, hook = factories.pending(plan, phone=f"2547220000{n:02}", checkout_id=f"ws_CO_{n}")
    return payment.id, hook


def news(n, **more):
    return factories.success(checkout_id=f"ws_CO_{n}", receipt=f"TKPLAIN{n:03}", **more)


def test_plain_messages_settle_in_one_commit_and_odd_ones_beside_them(app, plan):
    commits = []
    hooks = [pending(plan, n)[1] for n in range(6)]
    for n in range(4):
        factories.deliver(hooks[n], news(n))
    factories.deliver(hooks[4], news(4, amount=plan.price + 1))
    factories.deliver(hooks[5], b"{")
    event.listen(db.session(), "after_commit", commits.append)
    work.settle_inbox()
    assert outcomes()[:4] == ["paid"] * 4
    assert outcomes()[4].startswith("held: KSh")
    assert outcomes()[5] is None
    assert len(commits) == 3  # the four; the odd one; the one that nobody can read, put aside
    assert db.session.scalar(select(func.count()).select_from(Receipt)) == 4
    assert db.session.scalar(select(func.sum(LedgerEntry.amount))) == 0
    assert audit.verify(plan.merchant_id) == []


def test_one_receipt_number_in_two_messages_is_one_payments(app, plan):
    hooks = [pending(plan, n)[1] for n in range(2)]
    for n, hook in enumerate(hooks):
        factories.deliver(hook, factories.success(checkout_id=f"ws_CO_{n}", receipt="TKTWICE001"))
    work.settle_inbox()
    assert sorted(outcome.split(":")[0] for outcome in outcomes()) == ["held", "paid"]


def test_the_same_message_twice_at_once_is_booked_once(app, plan):
    payment_id, hook = pending(plan, 0)
    for _ in range(3):
        factories.deliver(hook, news(0))
    work.settle_inbox()
    assert sorted(outcomes()) == ["duplicate", "duplicate", "paid"]
    assert db.session.get_one(Payment, payment_id).status == "paid"


def test_where_one_of_many_raises_the_others_are_paid(app, plan):
    hooks = [pending(plan, n)[1] for n in range(3)]
    for n, hook in enumerate(hooks):
        factories.deliver(hook, news(n))
    forbid = "alter table receipt add constraint a_bug check (code <> 'TKPLAIN001') not valid"
    db.session.execute(text(forbid))
    db.session.commit()
    try:
        work.settle_inbox()
    finally:
        db.session.execute(text("alter table receipt drop constraint a_bug"))
        db.session.commit()
    assert [outcome or "" for outcome in outcomes()] == ["paid", "", "paid"]


def test_what_somebody_holds_waits_alone_and_the_others_do_not(app, plan):
    ids, hooks = zip(*[pending(plan, n) for n in range(3)], strict=True)
    for n, hook in enumerate(hooks):
        factories.deliver(hook, news(n))
    with holding("select 1 from payment where id = :id for update", id=ids[1]):
        worker = Beside(app, work.settle_inbox)
        somebody_waits()
        assert outcomes() == ["paid", None, "paid"]
    assert worker.ended() is None
    assert outcomes() == ["paid"] * 3


def test_whose_balance_somebody_holds_waits_alone(app, plan):
    (_, hook), (_, other) = (pending(plan, n) for n in range(2))
    factories.deliver(hook, news(0))
    factories.deliver(other, news(1))
    with holding("select 1 from subscriber order by id limit 1 for update"):
        worker = Beside(app, work.settle_inbox)
        somebody_waits()
        assert outcomes() == [None, "paid"]
    assert worker.ended() is None
    assert outcomes() == ["paid", "paid"]


def test_a_receipt_number_that_somebody_looks_for_is_waited_for_alone(app, plan):
    _, hook = pending(plan, 0)
    factories.deliver(hook, news(0))
    number = limits.number(number_key("TKPLAIN000"))
    with holding("select pg_advisory_xact_lock(:number)", number=number):
        worker = Beside(app, work.settle_inbox)
        somebody_waits()
        assert outcomes() == [None]
    assert worker.ended() is None
    assert outcomes() == ["paid"]


def test_a_single_message_is_nine_statements(app, plan, monkeypatch):
    """Each costs PostgreSQL and us a tenth of a millisecond, whatever it does."""
    _, hook = pending(plan, 0)
    factories.deliver(hook, news(0))
    db.session.rollback()
    driver = db.session.connection().connection.driver_connection
    seen = []

    class Counted(psycopg.Cursor):
        def execute(self, *given, **more):
            seen.append(given[0])
            return super().execute(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(driver, "cursor_factory", Counted)
        work.settle_inbox()
    assert len(seen) == 9
    assert outcomes() == ["paid"]
