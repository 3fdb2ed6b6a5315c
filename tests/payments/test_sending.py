"""Many prompts claimed in one commit, many answers noted in another: each as if it were alone."""

import pytest
from sqlalchemy import select, text

from app import audit
from app.daraja import Accepted, Reason, Refused
from app.extensions import db
from app.jobs import work
from app.payments import sending
from app.payments.alerts import Alert
from app.payments.locking import locked
from app.payments.models import Payment
from tests import factories
from tests.payments.test_concurrency import at_once


@pytest.fixture
def five(plan):
    return [factories.bought(plan, f"25472200000{n}", address=None).id for n in range(5)]


def claimed(most):
    found = [one.payment_id for one in sending.claim(most)]
    db.session.commit()
    return found


def heard(answers):
    noted = sending.hear_all(answers)
    db.session.commit()
    db.session.expire_all()
    return noted


def statuses():
    db.session.expire_all()
    return list(db.session.scalars(select(Payment.status).order_by(Payment.id)))


def accepted(n):
    return Accepted("1-2-3", f"ws_CO_{n}")


def test_the_oldest_are_claimed_and_no_more_than_were_asked_for(five):
    assert claimed(3) == five[:3]
    assert statuses() == ["sending"] * 3 + ["created"] * 2
    assert claimed(3) == five[3:]
    assert claimed(3) == []


def test_each_has_a_token_of_its_own(five):
    tokens = {one.prompt.callback_url for one in sending.claim(5)}
    assert len(tokens) == 5


def test_who_crashes_before_the_commit_has_claimed_nothing(five):
    sending.claim(5)
    db.session.rollback()
    assert statuses() == ["created"] * 5
    assert claimed(5) == five


def test_many_who_claim_at_once_share_no_prompt(app, five):
    found = [one for some in at_once(app, lambda _: claimed(2), 6) for one in some]
    found += claimed(5)
    assert sorted(found) == five


def test_one_that_cannot_be_made_is_not_one_of_them(five, plan):
    bad = factories.merchant("bad")
    factories.bought(factories.plan(bad), phone="254733000000")
    bad.consumer_secret = b"\x01\x02k9" + b"x" * 40
    db.session.commit()
    assert claimed(10) == five
    assert statuses()[5:] == ["failed"]


def test_each_answer_is_its_payments(five):
    claimed(5)
    no = Refused(Reason.BUSY, "500.003.02", "busy")
    answers = dict(zip(five, [accepted(1), no, None, accepted(4)], strict=False))
    assert heard(answers) == set(five[:4])
    assert statuses() == ["pending", "failed", "unconfirmed", "pending", "sending"]
    asked = db.session.scalars(select(Payment.next_question_at).order_by(Payment.id)).all()
    assert [at is not None for at in asked] == [True, False, True, True, False]
    first = db.session.get_one(Payment, five[0])
    assert first.checkout_request_id == "ws_CO_1"
    assert audit.verify(first.merchant_id) == []


def test_an_answer_twice_changes_nothing(five):
    claimed(5)
    answers = {
        five[0]: accepted(1),
        five[1]: Refused(Reason.BUSY, "500.003.02", "busy"),
        five[2]: None,
    }
    heard(answers)
    events = db.session.scalar(text("select count(*) from audit_event"))
    left = set(answers) - heard(answers)
    for payment_id in left:
        sending.hear(db.session.get_one(Payment, payment_id), answers[payment_id])
    db.session.commit()
    assert statuses()[:3] == ["pending", "failed", "unconfirmed"]
    assert db.session.scalar(text("select count(*) from audit_event")) == events
    assert db.session.scalars(select(Alert.kind)).all() == []


def test_one_id_for_two_payments_is_left_to_whoever_tells_a_person(five):
    claimed(5)
    answers = {five[0]: accepted(1), five[1]: accepted(1), five[2]: accepted(2)}
    assert heard(answers) == {five[2]}
    assert heard({five[3]: accepted(2)}) == set()
    for payment_id in (*five[:2], five[3]):
        sending.hear(db.session.get_one(Payment, payment_id), answers.get(payment_id, accepted(2)))
        db.session.commit()
    assert statuses() == ["pending"] * 4 + ["sending"]
    assert db.session.scalars(select(Alert.kind)).all() == ["same_id"] * 2


def test_a_payment_that_somebody_holds_is_left_and_not_waited_for(five):
    claimed(5)
    with db.engine.connect() as other:
        other.execute(text(f"select 1 from payment where id = {five[0]} for update"))
        assert heard({five[0]: accepted(1), five[1]: accepted(2)}) == {five[1]}
        other.rollback()
    assert statuses()[:2] == ["sending", "pending"]


def test_a_callback_that_was_quicker_decides(plan):
    payment = factories.bought(plan)
    factories.deliver(factories.sent(payment), factories.success())
    work.settle_inbox()
    assert payment.status == "paid"
    asked = payment.next_question_at
    heard({payment.id: accepted(1)})
    sending.hear(payment, accepted(1))
    db.session.commit()
    assert (payment.status, payment.next_question_at) == ("paid", asked)


@pytest.mark.parametrize("together", [True, False])
def test_an_answer_with_another_id_than_the_message_before_it_is_told_of(plan, together):
    """Asking by the message's id would never confirm it, and nobody would know why."""
    payment = factories.bought(plan)
    factories.deliver(factories.sent(payment), factories.success(checkout_id="ws_CO_LIE"))
    work.settle_inbox()
    for _ in range(2):
        if together:
            heard({payment.id: accepted(1)})
        else:
            sending.hear(locked(payment.id), accepted(1))
            db.session.commit()
    payment = factories.fresh(payment.id)
    assert (payment.status, payment.checkout_request_id) == ("paid", "ws_CO_LIE")
    assert list(db.session.scalars(select(Alert.kind))) == ["contradiction"]


def test_an_answer_with_the_messages_id_is_no_news(plan):
    payment = factories.bought(plan)
    factories.deliver(factories.sent(payment), factories.success(checkout_id="ws_CO_1"))
    work.settle_inbox()
    heard({payment.id: accepted(1)})
    assert list(db.session.scalars(select(Alert.kind))) == []
