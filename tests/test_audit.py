"""Who did what is written in the same commit, in a chain that nobody can mend unseen."""

import json

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import audit, merchants
from app.audit import GENESIS, AuditEvent, AuditHead, chained
from app.extensions import db
from tests import factories
from tests.payments.test_concurrency import at_once

FACTS = ("merchant_id", "seq", "at", "actor", "action", "subject_type", "subject_id", "details")


@pytest.fixture
def duka(app):
    return merchants.named("default")


def record(merchant, action="thing.done", **details):
    audit.record(merchant, action, actor="test", **details)


def chain(merchant_id):
    query = select(AuditEvent).where(AuditEvent.merchant_id == merchant_id)
    return list(db.session.scalars(query.order_by(AuditEvent.seq)))


def assert_unbroken(merchant_id):
    """Recomputes the chain from its rows alone. Answers how long it is."""
    db.session.rollback()
    head, events = GENESIS, chain(merchant_id)
    for seq, event in enumerate(events, 1):
        assert event.seq == seq
        assert event.prev_hash == head
        head = chained(head, {name: getattr(event, name) for name in FACTS})
        assert event.hash == head
    end = db.session.get_one(AuditHead, merchant_id)
    assert (end.seq, end.hash) == (len(events), head)
    return len(events)


def test_events_are_a_chain_from_the_first_to_the_head(duka):
    for n in range(3):
        record(duka, amount=n)
        record(duka, "other.done", text="KSh 20, naïve “sawa” …", nested={"b": [1, None], "a": 1})
        db.session.commit()
    assert assert_unbroken(duka.id) == 6


def test_an_event_says_who_did_what_to_which_row(duka):
    plan = factories.plan(price=20)
    [event] = chain(duka.id)
    assert (event.actor, event.action) == ("command", "plan.created")
    assert (event.subject_type, event.subject_id) == ("plan", plan.id)
    assert event.details == {"code": "standard", "price": 20}
    assert event.prev_hash == GENESIS


def test_each_merchant_has_a_chain_of_its_own(duka):
    other = factories.merchant()
    for merchant in (duka, other, duka, other, other):
        record(merchant)
    db.session.commit()
    assert assert_unbroken(duka.id) == 2
    assert assert_unbroken(other.id) == 4  # and its own making


def test_the_whole_life_of_a_payment_is_a_chain(plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    assert assert_unbroken(payment.merchant_id) >= 5


def test_an_event_is_seen_with_what_it_is_about_and_not_before(duka):
    record(duka)
    with db.engine.connect() as other:
        assert other.execute(select(AuditEvent)).all() == []
        db.session.commit()
        assert len(other.execute(select(AuditEvent.seq)).all()) == 1


def test_what_is_taken_back_was_never_recorded(duka):
    duka.name = "Changed"
    record(duka, "merchant.renamed")
    db.session.rollback()
    record(duka, "thing.done")
    db.session.commit()
    assert [event.action for event in chain(duka.id)] == ["thing.done"]


def test_what_the_database_refuses_is_not_recorded(duka):
    factories.plan()
    record(duka, "thing.lost")
    with pytest.raises(DBAPIError):
        db.session.execute(text("insert into audit_head values (999, 0, '')"))
    db.session.rollback()
    db.session.commit()
    assert [event.action for event in chain(duka.id)] == ["plan.created"]


def test_a_commit_without_an_event_adds_none(duka):
    duka.name = "Quiet"
    db.session.commit()
    assert chain(duka.id) == []


def test_a_savepoint_keeps_the_event_for_the_real_commit(duka):
    with db.session.begin_nested():
        record(duka)
    db.session.rollback()
    assert chain(duka.id) == []
    with db.session.begin_nested():
        record(duka)
    db.session.commit()
    assert assert_unbroken(duka.id) == 1


def test_a_savepoint_taken_back_leaves_what_was_recorded_before_it(duka):
    record(duka, "thing.before")
    savepoint = db.session.begin_nested()
    record(duka, "thing.inside")
    savepoint.rollback()
    db.session.commit()
    assert [event.action for event in chain(duka.id)] == ["thing.before"]


def test_writers_of_one_merchant_queue_and_leave_an_unbroken_chain(app, duka):
    merchant_id = duka.id

    def write(n):
        for m in range(10):
            record(db.session.get_one(merchants.Merchant, merchant_id), n=n, m=m)
            db.session.commit()

    at_once(app, write, 8)
    assert assert_unbroken(merchant_id) == 80


def test_writers_of_two_merchants_do_not_stop_each_other(app, duka):
    ids = [duka.id, factories.merchant().id]
    before = sum(assert_unbroken(i) if i != duka.id else 0 for i in ids)

    def write(n):
        for _ in range(20):
            for merchant_id in ids if n % 2 else reversed(ids):
                record(db.session.get_one(merchants.Merchant, merchant_id))
            db.session.commit()

    at_once(app, write, 4)
    assert sum(assert_unbroken(i) for i in ids) == 160 + before


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_event set details = '{}'",
        "update audit_event set actor = 'nobody' where seq = 1",
        "update audit_event set hash = prev_hash",
        "delete from audit_event",
        "delete from audit_event where seq = 2",
    ],
)
def test_the_database_refuses_to_change_history(duka, statement):
    record(duka)
    record(duka)
    db.session.commit()
    with pytest.raises(DBAPIError, match="audit_event is append-only"):
        db.session.execute(text(statement))
    db.session.rollback()
    assert assert_unbroken(duka.id) == 2


TAMPERED = {
    """update audit_event set details = '{"amount": 9}' where seq = 2""": "event 2 was changed",
    "update audit_event set actor = 'nobody' where seq = 3": "event 3 was changed",
    "update audit_event set at = at + '1 s' where seq = 1": "event 1 was changed",
    "delete from audit_event where seq = 1": "event 1 is missing",
    "delete from audit_event where seq = 2": "event 2 is missing",
    "delete from audit_event where seq = 3": "the chain ends at 2, its head says 3",
    "delete from audit_event": "the chain ends at 0, its head says 3",
    "delete from audit_head": "the chain ends at 3, its head says 0",
    "update audit_head set hash = ''": "the chain ends at 3, its head says 3",
    """update audit_event a set details = b.details from audit_event b
       where a.seq + b.seq = 5 and a.seq in (2, 3)""": "event 2 was changed",
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_a_hand_in_the_database_is_noticed(duka, cli, statement):
    for amount in (1, 2, 3):
        record(duka, amount=amount)
    db.session.commit()
    assert audit.verify(duka.id) == []
    db.session.rollback()
    with db.engine.begin() as hand:
        hand.execute(text("set local session_replication_role = replica"))
        hand.execute(text(statement))
    db.session.expire_all()
    assert audit.verify(duka.id) == [TAMPERED[statement]]
    result = cli.invoke(args=["verify-audit"])
    assert (result.exit_code, result.output) == (1, f"default: {TAMPERED[statement]}\n")


def test_good_chains_are_ok(duka, cli):
    other = factories.merchant()
    factories.merchant("tatu")
    for merchant in (duka, other):
        record(merchant)
    db.session.commit()
    result = cli.invoke(args=["verify-audit"])
    assert (result.exit_code, result.output) == (0, "default: ok\nduka: ok\ntatu: ok\n")


def test_the_heads_are_told_by_merchant(duka):
    other = factories.merchant()
    record(duka)
    db.session.commit()
    assert [(head.merchant_id, head.seq) for head in audit.heads()] == [(duka.id, 1), (other.id, 1)]


def test_a_broken_chain_does_not_compute(duka):
    for amount in (1, 2, 3):
        record(duka, amount=amount)
    db.session.commit()
    with db.engine.begin() as hand:
        hand.execute(text("set local session_replication_role = replica"))
        hand.execute(text("""update audit_event set details = '{"amount": 9}' where seq = 2"""))
    with pytest.raises(AssertionError):
        assert_unbroken(duka.id)


def logged(head, **changes):
    """A line of the scheduler's log, as compose shows it."""
    said = {"merchant": head.merchant_id, "seq": head.seq, "hash": head.hash.hex()} | changes
    return f"scheduler-1  | {json.dumps({'event': 'audit head', **said})}\n"


def test_a_log_tells_of_a_chain_that_is_shorter_or_another_one_than_it_was(duka, cli, tmp_path):
    for _ in range(3):
        record(duka)
    db.session.commit()
    [head] = audit.heads()
    log = tmp_path / "log"

    def verified(*lines):
        log.write_text("".join(("not ours\n", '{"event": "swept"}\n', *lines)))
        result = cli.invoke(args=["verify-audit", "--heads", str(log)])
        return result.exit_code, result.stdout

    assert verified(logged(head)) == (0, "default: ok\n")
    code, said = verified(logged(head), logged(head, seq=5), logged(head, seq=4))
    assert (code, said) == (1, "default: it was 5 events long, and event 4 is gone\n")
    assert "event 2 is not the one that was noted" in verified(logged(head, seq=2))[1]
    assert verified(logged(head, merchant=9)) == (
        1,
        "default: ok\nmerchant 9: in the log, and not here\n",
    )
