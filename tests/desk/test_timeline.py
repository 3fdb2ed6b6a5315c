"""The story of one payment."""

from app import audit, clock
from app.daraja import Answer, Verdict
from app.desk import acts, timeline
from app.extensions import db
from app.jobs import work
from app.payments import alerts, reconciliation
from app.payments.alerts import Alert
from app.payments.models import Callback
from tests import factories
from tests.desk import history
from tests.web.admin.desk import hire


def told(payment):
    return [event.text for event in timeline.of(factories.fresh(payment.id))]


def test_from_the_wish_to_the_money(app, plan):
    assert told(history.paid(plan, 1)) == [
        "Payment asked for",
        "Request on its way to M-PESA",
        "M-PESA took the request: the message is on the phone",
        "A message came",
        "Paid",
        "KSh 500 booked, receipt TKL4H7Q2MX",
    ]


def test_everybody_is_named(app, plan):
    payment = history.paid(plan, 1)
    amina = hire("support", name="Amina")
    acts.note(payment, amina.id, "Called.\nShe will pay.")
    db.session.commit()
    events = timeline.of(factories.fresh(payment.id))
    assert [event.who for event in events] == [
        "Customer",
        "Malipo",
        "M-PESA",
        "M-PESA",
        "M-PESA",
        "Malipo",
        "Amina",
    ]
    assert events[-1].more == "Called.\nShe will pay."
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_a_message_is_folded_masked_and_says_what_it_came_to(app, plan):
    payment = history.paid(plan, 1)
    [message] = [event for event in timeline.of(payment) if event.text == "A message came"]
    assert message.more == "paid"
    assert "2547•••••678" in message.raw
    assert "712345678" not in message.raw


def test_a_message_that_is_gone_or_cannot_be_opened_says_so(app, plan):
    payment = history.paid(plan, 1)
    callback = db.session.query(Callback).one()
    callback.body_sealed = b"\x01\x02k9" + b"x" * 40
    db.session.commit()
    assert "cannot be opened" in str(timeline.of(payment))
    callback.body_sealed = None
    db.session.commit()
    assert "deleted after 90 days" in str(timeline.of(payment))


def test_a_failure_says_why_and_a_question_what_was_answered(app, plan, safaricom):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.failure(1))
    work.settle_inbox()
    assert "Failed: not enough money" in told(payment)


def test_alerts_want_a_person_until_they_are_resolved(app, plan):
    payment = history.failed(plan)
    alerts.raise_for(payment, "no_answer", "Nobody knows.")
    db.session.commit()
    assert timeline.of(payment)[-1].more == "Wants a person"
    db.session.query(Alert).one().resolved_at = clock.now()
    db.session.commit()
    assert timeline.of(payment)[-1].more == "Resolved"
    assert told(payment).count("Nobody knows.") == 1


def test_tries_lead_to_each_other(app, plan):
    first = history.failed(plan)
    second, _ = acts.send_again(first, "staff:1")
    db.session.commit()
    assert timeline.of(first)[-1].leads_to == second.id
    assert second.retry_of_id == first.id
    assert first.id in {event.leads_to for event in timeline.of(second)}


def test_short_money_says_where_it_went(app, plan):
    payment, hook = factories.pending(plan)
    factories.deliver(hook, factories.success(amount=300))
    work.settle_inbox()
    reconciliation.answered(payment.id, Answer(Verdict.PAID, "0", None))
    db.session.commit()
    [money] = [
        event for event in timeline.of(factories.fresh(payment.id)) if "booked" in event.text
    ]
    assert money.text == "KSh 300 booked, receipt TKL4H7Q2MX"
    assert money.more == "KSh 300 on the balance"


def test_an_event_that_nobody_has_words_for_is_shown_by_its_name(app, plan):
    payment = history.failed(plan)
    audit.record(payment, "payment.looked_at", actor="staff:x", why="254712345678")
    db.session.commit()
    event = timeline.of(payment)[-1]
    assert event.text == "Payment looked at"
    assert "2547•••••678" in event.raw
