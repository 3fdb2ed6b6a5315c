"""What staff do with one payment."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.desk import acts
from app.desk.models import Note
from app.errors import MustWait, Refused
from app.extensions import db
from app.payments.locking import locked
from app.payments.models import Payment
from tests import factories
from tests.desk import history
from tests.web.admin.desk import hire


def events(payment):
    mine = AuditEvent.subject_id == payment.id
    return [
        (event.action, event.actor)
        for event in db.session.scalars(select(AuditEvent).where(mine).order_by(AuditEvent.id))
    ]


def test_asking_now_comes_before_all_other_questions(app, plan):
    payment, _ = factories.pending(plan)
    acts.ask_now(locked(payment.id), "staff:7")
    db.session.commit()
    assert payment.next_question_at <= clock.now()
    assert payment.question_rank == 0
    assert events(payment)[-1] == ("payment.asked", "staff:7")


def test_a_failed_payment_may_be_asked_about(app, plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure())
    payment.move_to("failed", actor="safaricom", reason="cancelled")
    acts.ask_now(payment, "staff:7")
    db.session.commit()
    assert payment.next_question_at is not None


def test_what_cannot_be_asked_says_why(app, plan):
    assert "paid" in acts.why_not_ask(history.paid(plan, 1))
    assert "on its way" in acts.why_not_ask(factories.bought(plan, history.phone(2)))
    never_sent = history.failed(plan, 3)
    with pytest.raises(Refused, match="never gave"):
        acts.ask_now(never_sent, "staff:7")
    assert never_sent.next_question_at is None


def test_a_new_request_is_the_staffs_and_the_old_ones_successor(app, plan):
    old = history.failed(plan)
    new, made = acts.send_again(locked(old.id), "staff:7")
    db.session.commit()
    assert made
    assert (new.retry_of_id, new.invoice_id, new.plan_id) == (old.id, old.invoice_id, plan.id)
    assert (new.phone, new.amount, new.address_index) == (old.phone, old.amount, None)
    assert events(new) == [("payment.created", "staff:7")]


def test_a_second_click_finds_the_first_ones_request(app, plan):
    old = history.failed(plan)
    new, _ = acts.send_again(locked(old.id), "staff:7")
    db.session.commit()
    assert acts.send_again(locked(old.id), "staff:8") == (new, False)
    assert db.session.query(Payment).count() == 2


def test_the_phones_rules_hold_for_staff_too(app, plan):
    payment, _ = factories.pending(plan)
    payment.ended_at = clock.now()
    payment.move_to("failed", actor="safaricom", reason="cancelled")
    db.session.commit()
    with pytest.raises(MustWait):
        acts.send_again(locked(payment.id), "staff:7")
    with time_machine.travel(clock.now() + timedelta(minutes=3)):
        assert acts.send_again(locked(payment.id), "staff:7")[1]
        db.session.commit()


def test_what_cannot_be_asked_for_again_says_why(app, plan):
    assert acts.why_not_again(history.paid(plan, 1)) == "It is paid."
    assert "still open" in acts.why_not_again(factories.bought(plan, history.phone(2)))
    void = history.failed(plan, 3)
    void.invoice.voided_at = clock.now()
    old = history.failed(plan, 4, ago=timedelta(days=31))
    assert "not owed" in acts.why_not_again(void)
    with pytest.raises(Refused, match="30 days"):
        acts.send_again(old, "staff:7")


def test_a_note_is_kept_with_who_wrote_it_and_the_log_has_no_word_of_it(app, plan):
    payment, person = history.failed(plan), hire("support")
    note = acts.note(payment, person.id, "  She\r\ncalled\x00 from 0712 345 678. ")
    db.session.commit()
    assert note.text == "She\ncalled from 0712 345 678."
    assert (note.merchant_id, note.staff_id) == (payment.merchant_id, person.id)
    assert events(payment)[-1] == ("payment.noted", f"staff:{person.id}")
    told = db.session.scalars(select(AuditEvent.details).order_by(AuditEvent.id.desc())).first()
    assert told == {"note": note.id}


@pytest.mark.parametrize("text", ["", "  \n ", "\x00", "x" * 1_001])
def test_an_empty_or_endless_note_is_refused(app, plan, text):
    with pytest.raises(Refused, match="1 to 1,000"):
        acts.note(history.failed(plan), hire().id, text)
    assert db.session.query(Note).count() == 0
