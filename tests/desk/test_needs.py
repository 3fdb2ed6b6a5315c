"""What wants a person."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text

from app import clock, ledger, merchants
from app.desk import alerts, chain, days, needs
from app.extensions import db
from app.jobs import work
from app.merchants import verification
from app.payments import alerts as raising
from app.payments import booking, disputes, inbox, matching
from app.payments.alerts import Alert
from app.payments.disputes import Claim
from app.payments.models import Callback, Receipt
from app.payments.staff_models import Act
from app.payments.states import UNCONFIRMED
from tests import factories
from tests.desk.telling import NOON, ago, attempt, failing, ours, paid
from tests.web.admin.desk import hire


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def found():
    db.session.commit()
    return needs.of(merchants.named("default"))


def told():
    return [(need.kind, need.title) for need in found()]


def unconfirmed(plan, minutes):
    with ago(minutes=minutes):
        payment = attempt(plan)
        payment.move_to(UNCONFIRMED, actor="sweep")
        db.session.commit()
    return payment


def suspense(amount=500):
    code = f"TKS{next(factories.number):07}"
    receipt = Receipt(
        merchant_id=ours(), code=code, amount=amount, source="callback", paid_at=clock.now()
    )
    booking.to_suspense(receipt, ledger.mpesa("174379"))
    db.session.commit()
    return receipt


def alert(payment, kind="contradiction", says="Look at this."):
    raising.raise_for(payment, kind, says)
    db.session.commit()


def act(person):
    return Act(person.id, "asked to", f"attempt-{next(factories.number)}")


def test_nothing_wants_anybody(plan):
    unconfirmed(plan, 4)
    attempt(plan, paid)
    assert found() == []


def test_a_payment_that_nobody_knows_the_end_of_does_after_five_minutes(plan):
    payment = unconfirmed(plan, 6)
    [need] = found()
    assert (need.kind, need.id, need.since) == ("unconfirmed", payment.id, payment.created_at)
    assert payment.invoice.reference in need.text
    assert "KSh 500" in need.text


def test_many_of_a_kind_are_one_line(plan):
    oldest = unconfirmed(plan, 20)
    for minutes in (9, 8, 7):
        unconfirmed(plan, minutes)
    for _ in range(4):
        suspense(250)
    [payments, receipts] = found()
    assert (payments.title, payments.id) == ("4 payments are unconfirmed", None)
    assert payments.since == oldest.created_at
    assert receipts.title == "4 receipts without an owner"
    assert receipts.text.startswith("KSh 1,000 ")


def test_money_without_an_owner(app):
    receipt = suspense(1499)
    [need] = found()
    assert (need.kind, need.id) == ("suspense", receipt.id)
    assert need.text == f"{receipt.code} · KSh 1,499"


def test_alerts_by_their_kind_until_somebody_resolves_them(plan):
    payment = attempt(plan, paid)
    alert(payment)
    [need] = found()
    assert (need.kind, need.alert, need.title) == (
        "alert",
        "contradiction",
        "M-PESA contradicts itself",
    )
    assert need.text == "Look at this."
    assert alerts.resolve(db.session.get(Alert, need.id), "", "staff:1")
    assert found() == []
    assert not alerts.resolve(db.session.get(Alert, need.id), "", "staff:1")


def test_many_alerts_of_a_kind_are_one_line_and_a_new_kind_has_a_name(plan):
    for n in range(4):
        alert(attempt(plan, paid), "short", f"Number {n}")
    alert(attempt(plan, paid), "brand_new")
    assert told() == [("alert", "4 payments brought too little"), ("alert", "Brand new")]
    assert needs.titles("brand_new")[1].format(5) == "Brand new: 5"


def test_a_match_that_wants_a_second_person(plan):
    payment = attempt(plan, failing(1037))
    matching.match(payment.id, "TKL4H7Q2MX", act(hire("finance")))
    [need] = found()
    assert need.kind == "proposal"
    assert "TKL4H7Q2MX" in need.text


@pytest.mark.parametrize(
    ("left", "said"), [(0, "today"), (1, "tomorrow"), (3, "in 3 days"), (-2, "2 days ago")]
)
def test_a_dispute_whose_answer_is_due(plan, left, said):
    payment = attempt(plan, paid)
    claim = Claim("charged_twice", days.today() + 5 * days.DAY, "Twice!")
    case = disputes.open_case(payment, claim, act(hire("support")))
    assert found() == []
    case.due_on = days.today() + left * days.DAY
    [need] = found()
    assert (need.kind, need.id, need.title) == (
        "dispute",
        case.id,
        f"A dispute answer is due {said}",
    )


def test_many_matches_and_disputes_are_one_line_each(plan):
    person = hire("finance")
    for n in range(4):
        failed, done = attempt(plan, failing(1037)), attempt(plan, paid)
        matching.match(failed.id, f"TKM000000{n}", act(person))
        disputes.open_case(done, Claim("other", days.today(), "Odd."), act(person))
    assert told() == [
        ("proposal", "4 matches want a second person"),
        ("dispute", "4 dispute answers are due"),
    ]


def test_settings_that_do_not_work(app):
    merchant = merchants.named("default")
    verification.note(merchant, merchant.credentials(), verification.FAILED, "No.", actor="test")
    [need] = found()
    assert (need.kind, need.text) == ("settings", "No.")


def test_secrets_that_nobody_can_open(app, set_setting):
    duka = factories.merchant()
    set_setting(encryption_keys=(("k9", b"9" * 32),))
    [need] = needs.of(merchants.named(duka.slug))
    assert need.kind == "settings"


def test_a_log_that_was_tampered_with(plan):
    db.session.execute(text("set local session_replication_role = replica"))
    db.session.execute(text("update audit_event set actor = 'x'"))
    chain.check_now(ours())
    [need] = found()
    assert (need.kind, need.tone) == ("chain", "bad")


def test_a_message_that_lies_unread_although_its_alert_is_resolved(plan):
    _, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, b"not json")
    work.settle_inbox()
    assert told() == [("alert", "A message cannot be settled")]
    alerts.resolve(db.session.query(Alert).one(), "", "staff:1")
    assert told() == [("parked", "1 messages of M-PESA lie unread")]
    inbox.unpark(callback_id)
    db.session.get(Callback, callback_id).settled_at = clock.now()
    assert found() == []


def test_what_wants_another_merchants_people(app):
    theirs = factories.plan(factories.merchant())
    unconfirmed(theirs, 30)
    alert(attempt(theirs, paid))
    assert found() == []


def test_the_newest_is_not_older_than_it_is(plan):
    with ago(days=1):
        alert(attempt(plan, paid))
    [need] = found()
    assert clock.now() - need.since == timedelta(days=1)
