"""Cases about payments: one at a time, with evidence that stays, and an outcome."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.audit import AuditEvent
from app.daraja import Verdict
from app.errors import Refused
from app.extensions import db
from app.jobs import work
from app.payments import closing, disputes
from app.payments.dispute_models import Dispute, DisputeEvidence
from app.payments.disputes import Claim
from tests import factories
from tests.payments import by_hand
from tests.payments.test_concurrency import at_once, count_of


@pytest.fixture
def payment(plan):
    made, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    return made


def claim(**changes):
    due = closing.today() + timedelta(days=7)
    return Claim(**{"kind": "charged_twice", "due_on": due, "says": "I paid two times."} | changes)


def opened(payment, act=None, **changes):
    dispute = disputes.open_case(payment, claim(**changes), act or by_hand.act())
    db.session.commit()
    return dispute


def actions():
    return list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def test_a_case_is_opened_filled_and_closed(payment):
    someone = by_hand.person("support")
    dispute = opened(payment, by_hand.act(someone))
    assert (dispute.opened_by, dispute.closed_at) == (someone.id, None)
    assert disputes.open_count(payment.merchant_id) == 1
    disputes.add_evidence(dispute.id, "There is one receipt.", by_hand.act(someone))
    disputes.close(dispute.id, "rejected", by_hand.act(someone, "one receipt only"))
    db.session.commit()
    assert (dispute.outcome, dispute.closed_by) == ("rejected", someone.id)
    assert [one.text for one in disputes.evidence_of(dispute)] == ["There is one receipt."]
    assert actions()[-3:] == ["dispute.opened", "dispute.evidence_added", "dispute.closed"]
    assert disputes.open_count(payment.merchant_id) == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "nonsense"}, "what the case is about"),
        ({"says": " "}, "what the customer says"),
        ({"due_on": closing.today() - timedelta(days=1)}, "in the past"),
    ],
)
def test_a_case_needs_its_facts(payment, changes, why):
    act = by_hand.act()
    with pytest.raises(Refused, match=why):
        disputes.open_case(payment, claim(**changes), act)


def test_one_open_case_for_a_payment(payment):
    someone = by_hand.person()
    first = opened(payment, by_hand.act(someone))
    assert opened(payment, by_hand.act(someone)) == first
    act = by_hand.act()
    with pytest.raises(Refused, match="open case"):
        disputes.open_case(payment, claim(), act)
    disputes.close(first.id, "withdrawn", by_hand.act())
    db.session.commit()
    assert opened(payment) != first


def test_ten_clicks_open_one_case(app, payment):
    payment_id, act = payment.id, by_hand.act()

    def click(_):
        disputes.open_case(db.session.get_one(type(payment), payment_id), claim(), act)
        db.session.commit()

    at_once(app, click, 10)
    assert count_of(Dispute) == 1


def test_evidence_is_added_once_and_stays(payment):
    dispute, act = opened(payment), by_hand.act()
    for _ in range(2):
        disputes.add_evidence(dispute.id, "A screenshot of the SMS.", act)
        db.session.commit()
    assert count_of(DisputeEvidence) == 1
    with pytest.raises(Exception, match="append-only"):
        db.session.execute(text("delete from dispute_evidence"))
    db.session.rollback()


def test_a_closed_case_takes_nothing_more(payment):
    dispute, act = opened(payment), by_hand.act()
    for _ in range(2):
        disputes.close(dispute.id, "accepted", act)
        db.session.commit()
    with pytest.raises(Refused, match="closed as accepted"):
        disputes.close(dispute.id, "rejected", act)
    with pytest.raises(Refused, match="is closed"):
        disputes.add_evidence(dispute.id, "Too late.", act)


@pytest.mark.parametrize(
    ("outcome", "reason", "why"), [("x", "y", "ended"), ("refunded", " ", "reason")]
)
def test_closing_wants_outcome_and_reason(payment, outcome, reason, why):
    dispute, act = opened(payment), by_hand.act(reason=reason)
    with pytest.raises(Refused, match=why):
        disputes.close(dispute.id, outcome, act)


def test_the_file_has_the_facts_and_no_phone(payment):
    file = disputes.file_of(payment)
    assert [receipt.code for receipt in file.receipts] == ["TKL4H7Q2MX"]
    assert [one.amount for one in file.allocations] == [500]
    assert [one.result.verdict for one in file.messages] == [Verdict.PAID]
    assert file.last_event.action == "callback.settled"
    assert not [event for event in file.events if "2547" in str(event.details)]


def test_what_nobody_can_read_is_in_the_file_all_the_same(plan):
    made, hook = factories.pending(plan)
    factories.deliver(hook, b"<html>")
    work.settle_inbox()
    assert [one.result for one in disputes.file_of(made).messages] == [None]
    db.session.execute(text("update callback set settled_at = now()"))
    db.session.execute(text("update callback set body_sealed = null"))
    db.session.commit()
    assert [one.result for one in disputes.file_of(made).messages] == [None]


def test_a_case_is_due_on_its_day(payment):
    assert disputes.is_due(opened(payment, due_on=closing.today()))
    assert not disputes.is_due(Dispute(due_on=closing.today() + timedelta(days=1)))
