"""Many answers that say paid: plain money is booked together, odd money alone, each once."""

from ipaddress import ip_network

import pytest
from sqlalchemy import event, func, select, text

from app import audit, clock
from app.audit import AuditEvent
from app.daraja import Answer, Verdict
from app.extensions import db
from app.jobs import work
from app.ledger import LedgerEntry
from app.payments import limits, locking, reconciliation, statements
from app.payments.models import Allocation, Payment, Receipt
from tests import factories
from tests.payments import by_hand
from tests.payments.beside import Beside, holding, somebody_waits
from tests.payments.test_reconciliation import due

PAID = Answer(Verdict.PAID, "0", None)


@pytest.fixture
def asked(plan):
    """Payments about which Safaricom is asked."""
    ids = due(plan, 4)
    reconciliation.claim_some(4)
    db.session.commit()
    return ids


def noted(ids):
    done = reconciliation.answered_all(dict.fromkeys(ids, PAID))
    db.session.commit()
    return done


def alone(ids):
    for payment_id in ids:
        reconciliation.answered(payment_id, PAID)
        db.session.commit()


def statuses(ids):
    return [factories.fresh(payment_id).status for payment_id in ids]


def receipts():
    db.session.rollback()
    return dict(
        db.session.execute(
            select(Receipt.payment_id, func.count()).group_by(Receipt.payment_id)
        ).all()
    )


def all_is_right(ids):
    """The books are checked after each test, by conftest."""
    assert statuses(ids) == ["paid"] * len(ids)
    assert receipts() == dict.fromkeys(ids, 1)
    assert db.session.scalar(select(func.sum(Allocation.amount))) == 500 * len(ids)
    assert db.session.scalar(select(func.sum(LedgerEntry.amount))) == 0
    for merchant_id in db.session.scalars(select(Payment.merchant_id).distinct()).all():
        assert audit.verify(merchant_id) == []


def told(payment_id):
    query = select(AuditEvent.action).where(AuditEvent.subject_id == payment_id)
    rows = query.where(AuditEvent.subject_type == "payment").order_by(AuditEvent.seq)
    return list(db.session.scalars(rows))


def test_plain_money_of_many_answers_shares_a_commit(plan, asked):
    commits = []
    event.listen(db.session(), "after_commit", commits.append)
    assert noted(asked) == set(asked)
    assert len(commits) == 1
    all_is_right(asked)


def test_it_comes_to_the_same_as_alone(plan, asked):
    together, by_itself = asked[:2], asked[2:]
    noted(together)
    alone(by_itself)
    one, other = (factories.fresh(ids[0]) for ids in (together, by_itself))
    for name in ("status", "reason", "verified_by", "code", "next_question_at", "question_rank"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("paid_at", "ended_at", "answered_at", "last_question_at"):
        assert getattr(one, name) is not None
        assert getattr(other, name) is not None
    assert one.invoice.subscription.paid_through is not None
    assert told(one.id) == told(other.id)
    found = [
        db.session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()
        for payment in (one, other)
    ]
    for name in ("code", "claimed_code", "amount", "source", "merchant_id"):
        assert getattr(found[0], name) == getattr(found[1], name)
    assert all(receipt.subscriber_id for receipt in found)
    all_is_right(asked)


def test_a_held_message_is_odd_and_brings_its_receipt(plan, set_setting):
    set_setting(callback_addresses=(ip_network("196.201.214.0/24"),))
    ids = due(plan, 2)
    hook = factories.pending(plan, "254755000000", "ws_CO_HELD")
    factories.deliver(hook[1], factories.success(checkout_id="ws_CO_HELD"), "8.8.8.8")
    work.settle_inbox()
    held = hook[0].id
    assert factories.fresh(held).held_callback_id is not None
    assert noted([*ids, held]) == set(ids)
    alone([held])
    [receipt] = db.session.scalars(select(Receipt).where(Receipt.payment_id == held))
    assert receipt.code == "TKL4H7Q2MX"
    all_is_right([*ids, held])


def test_a_void_invoice_is_odd(plan, asked):
    odd = db.session.get_one(Payment, asked[1])
    odd.invoice.voided_at = clock.now()
    db.session.commit()
    assert noted(asked) == set(asked) - {asked[1]}
    alone([asked[1]])
    assert statuses(asked) == ["paid"] * 4
    assert receipts() == dict.fromkeys(asked, 1)


def test_late_money_is_odd(plan, asked):
    """The sweep gave up, or Safaricom had said no: the long way says that it is late."""
    db.session.get_one(Payment, asked[0]).move_to("failed", actor="safaricom")
    db.session.commit()
    assert noted(asked) == set(asked[1:])
    alone(asked[:1])
    all_is_right(asked)


def test_what_a_tills_statement_may_have_brought_is_odd(plan):
    """Its line names no account, and came before the prompts: amount and minutes fit both."""
    by_hand.taken_in(by_hand.row())
    receipt = statements.book(by_hand.line(), by_hand.person().id).id
    db.session.commit()
    ids = due(plan, 2)
    other, _ = factories.pending(factories.plan(code="dear", price=900), "254744000000", "ws_CO_O")
    ids.append(other.id)
    assert noted(ids) == {ids[2]}
    alone(ids[:2])
    assert statuses(ids) == ["paid"] * 3
    assert receipts() == dict.fromkeys(ids, 1)
    assert db.session.get_one(Receipt, receipt).payment_id in ids[:2]


def test_answers_that_come_twice_are_booked_once(plan, asked):
    noted(asked)
    assert noted(asked) == set(asked)
    alone(asked)
    all_is_right(asked)


def test_nothing_is_there_where_the_commit_fails(plan, asked):
    reconciliation.answered_all(dict.fromkeys(asked, PAID))
    db.session.rollback()
    assert statuses(asked) == ["pending"] * 4
    assert receipts() == {}
    assert noted(asked) == set(asked)
    all_is_right(asked)


def test_where_one_of_many_raises_none_is_written(plan, asked):
    forbid = f"alter table receipt add constraint a_bug check (payment_id <> {asked[2]}) not valid"
    db.session.execute(text(forbid))
    db.session.commit()
    try:
        with pytest.raises(Exception, match="a_bug"):
            noted(asked)
        db.session.remove()
        assert statuses(asked) == ["pending"] * 4
        alone([*asked[:2], asked[3]])
    finally:
        db.session.rollback()
        db.session.execute(text("alter table receipt drop constraint a_bug"))
        db.session.commit()
    alone([asked[2]])
    all_is_right(asked)


@pytest.mark.parametrize(
    "part",
    [
        "select 1 from payment where id = :id for update",
        "select 1 from invoice where id = (select invoice_id from payment where id = :id) for update",
        (
            "select 1 from subscription s join invoice i on i.subscription_id = s.id"
            " join payment p on p.invoice_id = i.id where p.id = :id for update of s"
        ),
        (
            "select 1 from subscriber u join subscription s on s.subscriber_id = u.id"
            " join invoice i on i.subscription_id = s.id"
            " join payment p on p.invoice_id = i.id where p.id = :id for update of u"
        ),
    ],
)
def test_nobody_waits_for_what_somebody_holds(plan, asked, part):
    with holding(part, id=asked[1]):
        assert noted(asked) == set(asked) - {asked[1]}
    alone([asked[1]])
    all_is_right(asked)


def test_who_books_money_without_a_name_is_not_waited_for(plan, asked):
    key = limits.number(locking.nameless_key(plan.merchant_id, plan.price))
    with holding("select pg_advisory_xact_lock(:key)", key=key):
        assert noted(asked) == set()
    assert noted(asked) == set(asked)
    all_is_right(asked)


def test_a_message_for_it_waits_and_joins_its_number(app, plan):
    payment, hook = factories.pending(plan)
    payment_id = payment.id
    factories.deliver(hook, factories.success())
    db.session.rollback()
    reconciliation.answered_all({payment_id: PAID})
    other = Beside(app, work.settle_inbox)
    somebody_waits()
    db.session.commit()
    assert other.ended() is None
    [receipt] = db.session.scalars(select(Receipt).where(Receipt.payment_id == payment_id))
    assert (receipt.source, receipt.code) == ("query", "TKL4H7Q2MX")
    all_is_right([payment_id])


def test_an_answer_while_its_message_settles_only_confirms(app, plan):
    payment, hook = factories.pending(plan)
    payment_id = payment.id
    factories.deliver(hook, factories.success())
    db.session.rollback()
    with holding(
        "select 1 from audit_head where merchant_id = :id for update", id=plan.merchant_id
    ):
        other = Beside(app, work.settle_inbox)  # all its locks, and now the audit's is missing
        somebody_waits()
        assert noted([payment_id]) == set()
    assert other.ended() is None
    alone([payment_id])
    assert factories.fresh(payment_id).verified_by == "query"
    all_is_right([payment_id])
