"""`flask erase`: the person goes, the money stays, the chains still verify."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Timer

import pytest
import time_machine
from sqlalchemy import func, select, text

from app import audit, clock
from app.audit import AuditEvent
from app.billing import subscribers
from app.billing.models import Plan, Subscriber, Subscription
from app.daraja import Answer, Verdict
from app.desk import acts
from app.errors import Refused
from app.extensions import db
from app.jobs import spool, work
from app.payments import booking, by_staff, charging, disputes, matching, reconciliation
from app.payments.models import Receipt
from app.privacy import retention
from tests import factories
from tests.payments import by_hand
from tests.privacy import people
from tests.web.admin.desk import send, sitting

SPELLINGS = ("0712 345 678", "+254 (712) 345-678", "712345678")
REASON = "--reason=letter of 26 November"


@pytest.fixture
def erase(cli):
    def run(phone="0712345678", *more, typed=""):
        options = (*(more or ("--yes",)), REASON)
        result = cli.invoke(args=["erase", phone, *options], input=typed)
        db.session.rollback()
        db.session.expire_all()
        return result

    return run


@pytest.fixture
def money():
    """What the books say, whoever paid it."""

    def figures():
        queries = (
            "select code, amount, paid_at, source, subscriber_id from receipt order by id",
            "select amount, invoice_id, subscriber_id from allocation order by id",
            "select account, amount from ledger_entry order by id",
            "select reference, amount, paid_at, period_end from invoice order by id",
            "select amount, status, reason, paid_at, hook_hash from payment order by id",
        )
        return [db.session.execute(text(query)).all() for query in queries]

    return figures


def test_nothing_leads_to_them_and_every_shilling_stays(plan, erase, cli, money):
    people.known(plan)
    traces, before = people.traces(plan), money()
    result = erase()
    assert result.output == (
        "default: customer 1 erased, 2 payments severed, 1 subscriptions cancelled\n"
        "  KSh 300 are still theirs: `flask suspense` lists them until they are paid back or moved.\n"
    )
    assert money() == before
    rest = people.held()
    assert rest.count("(erased)") == 4  # a note, a case, its evidence, why money was moved
    assert [trace for trace in sorted(traces) if trace in rest] == []
    for check in ("check-books", "verify-audit"):
        assert cli.invoke(args=[check]).exit_code == 0
    assert "customer 1  erased  KSh 300 on the balance" in cli.invoke(args=["suspense"]).output


def test_the_log_says_that_somebody_went_and_why_and_not_who(plan, erase):
    people.known(plan)
    erase()
    [event] = db.session.scalars(select(AuditEvent).filter_by(action="subscriber.erased"))
    assert event.actor == "command"
    assert event.details == {
        "reason": "letter of 26 November",
        "payments": 2,
        "cancelled": 1,
        "balance": 300,
    }


@pytest.mark.parametrize("phone", SPELLINGS)
def test_any_spelling_is_read_and_standard_input_too(plan, erase, phone):
    people.known(plan)
    assert "customer 1 erased" in erase("-", typed=f"{phone}\ny\n").output
    assert db.session.scalar(select(Subscriber.phone_index)) is None


@pytest.mark.parametrize(
    ("phone", "options", "said"),
    [
        ("0712345678", ("--merchant=default",), "Aborted!"),
        ("0712345678", ("--merchant=nobody", "--yes"), "There is no merchant 'nobody'."),
        ("hello", ("--yes",), "PHONE must be a Kenyan mobile number"),
        ("0712345678", ("--yes", "--reason=he is 0712 345 678"), "Leave phone numbers"),
    ],
)
def test_what_is_not_meant_changes_nothing(plan, cli, phone, options, said):
    people.known(plan)
    result = cli.invoke(args=["erase", phone, REASON, *options], input="n\n")
    assert result.exit_code == 1
    assert said in result.output
    assert "345678" not in result.output
    assert people.subscriber(1).phone == factories.PHONE


def test_a_second_time_finds_nobody(plan, erase):
    people.known(plan)
    erase()
    events = db.session.scalar(select(func.count()).select_from(AuditEvent))
    result = erase()
    assert (result.exit_code, result.output) == (0, "Nothing is held about this number.\n")
    assert db.session.scalar(select(func.count()).select_from(AuditEvent)) == events


def test_one_merchant_forgets_and_the_other_remembers(plan, erase):
    other = factories.plan(factories.merchant(), price=700)
    people.paying(plan)
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        people.paying(other, checkout="ws_CO_9", code="TKL4H7Q2MY")
    people.quiet()
    assert "duka: customer 2 erased" in erase("0712345678", "--yes", "--merchant=duka").output
    assert (people.subscriber(1).erased_at, people.subscriber(2).phone) == (None, None)
    assert "default: customer 1 erased" in erase().output


def test_who_pays_again_is_a_new_person(plan, erase):
    person_id, *_ = people.known(plan)
    erase()
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        payment, _ = people.paying(plan, checkout="ws_CO_7", code="TKL4H7Q2MZ")
    person = payment.invoice.subscription.subscriber
    assert person.id != person_id
    assert booking.balance(person.id) == 0


def test_a_phone_that_paid_for_somebody_else_goes_and_they_stay(plan, erase):
    payment, hook = factories.pending(plan)
    people.settle(hook, factories.failure())
    people.paid_by_another(payment)
    people.quiet()
    assert "a number that paid for others erased, 1 payments" in erase("0722000111").output
    assert [one.phone for one in people.payments()] == [factories.PHONE, None]
    assert people.subscriber(1).phone == factories.PHONE


def unconfirmed(plan):
    payment, _ = factories.pending(plan)
    payment.move_to("unconfirmed", actor="sweep", why="test")
    db.session.commit()


def unread(plan):
    _, hook = people.paying(plan)
    people.settle(hook, b"<html>")
    people.quiet()


def disputed(plan):
    payment, _ = people.paying(plan)
    claim = disputes.Claim("other", clock.now().date() + timedelta(days=7), "it is wrong")
    disputes.open_case(payment, claim, by_hand.act())
    people.quiet()


def proposed(plan):
    payment, hook = factories.pending(plan)
    people.settle(hook, factories.failure())
    matching.match(payment.id, "TKL4H7Q2MX", by_hand.act())
    people.quiet()


@pytest.mark.parametrize(
    ("begin", "why"),
    [
        (factories.bought, "A request may be on the phone"),
        (factories.pending, "A request may be on the phone"),
        (unconfirmed, "M-PESA is still being asked"),
        (people.paying, "M-PESA is still being asked"),
        (unread, "waits to be settled"),
        (disputed, "A case about it is open"),
        (proposed, "another person has to decide"),
    ],
)
def test_what_is_on_its_way_is_waited_for(plan, erase, begin, why):
    begin(plan)
    result = erase()
    assert result.exit_code == 1
    assert result.output.startswith("default: not erased. Payment 1: ")
    assert why in result.output
    assert people.subscriber(1).phone == factories.PHONE


def test_a_question_that_nobody_answers_does_not_hold_it_up_for_ever(plan, erase):
    people.paying(plan)
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        assert "customer 1 erased" in erase().output
    assert factories.fresh(1).next_question_at is None


def test_what_holds_up_one_merchant_does_not_hold_up_the_others(plan, erase):
    people.paying(plan)
    people.quiet()
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        factories.pending(factories.plan(factories.merchant(), price=700), checkout_id="ws_CO_9")
    result = erase()
    assert result.exit_code == 1
    assert "default: customer 1 erased" in result.output
    assert "duka: not erased. Payment 2: A request may be on the phone" in result.output


def test_a_purchase_in_this_moment_comes_before_it_or_after_it(app, plan, erase):
    people.paying(plan)
    people.quiet()
    plan_id = plan.id
    with time_machine.travel(clock.now() + timedelta(hours=1)), ThreadPoolExecutor(1) as shop:
        began, go_on = Event(), Event()

        def buy():
            with app.app_context():
                payer = charging.Payer(factories.PHONE, None)
                charging.buy(db.session.get_one(Plan, plan_id), payer, "in-this-moment")
                began.set()
                go_on.wait(10)
                db.session.commit()

        bought = shop.submit(buy)
        assert began.wait(10)
        Timer(0.3, go_on.set).start()
        assert "Payment 2: A request may be on the phone" in erase().output  # it has waited
        bought.result()
    assert people.subscriber(1).phone == factories.PHONE


def test_a_payment_that_somebody_is_just_using_is_not_waited_for(plan, erase):
    people.known(plan)
    with db.engine.connect() as other:
        other.execute(text("select 1 from payment where id = 2 for no key update"))
        assert "Something is just happening" in erase().output
    assert "customer 1 erased" in erase().output


def test_the_database_keeps_the_number_of_what_may_be_on_the_phone(plan):
    factories.pending(plan)
    with pytest.raises(Exception, match="asked_has_phone"):
        db.session.execute(text("update payment set phone_index = null, phone_sealed = null"))
    db.session.rollback()


def test_late_money_is_booked_on_what_is_left_and_what_it_brought_goes_by_night(plan, erase, cli):
    person_id, _, failed, hook = people.known(plan)
    erase()
    late = "ws_CO_late0712345678"
    people.settle(hook, factories.success(receipt="TKL4H7Q2MV", checkout_id=late))
    payment = factories.fresh(failed)
    assert (payment.status, payment.checkout_request_id) == ("paid", late)
    assert booking.balance(person_id) == 300 + 500
    reconciliation.answered(failed, Answer(Verdict.PAID, "0", None))
    db.session.commit()
    for rule in retention.RULES:
        retention.batch(rule)
        db.session.commit()
    assert factories.fresh(failed).checkout_request_id is None
    assert "TKL4H7Q2MV" in db.session.scalars(select(Receipt.code)).all()
    bodies = "select count(*) from callback where body_sealed is not null"
    assert db.session.scalar(text(bodies)) == 0
    assert audit.verify(1) == []


def test_a_message_that_waits_on_the_disk_is_taken_in_first(plan, erase):
    _, hook = people.paying(plan)
    people.quiet()
    assert spool.keep(hook, factories.success(), None)
    assert "waits to be settled" in erase().output
    work.settle_inbox()
    people.quiet()
    assert "customer 1 erased" in erase().output


def test_staff_cannot_bring_them_back(plan, erase):
    people.known(plan)
    erase()
    one = db.session.scalars(select(Subscription)).one()
    failed = people.payments()[1]
    assert acts.why_not_ask(failed) == acts.why_not_again(failed) == subscribers.GONE
    for act in (by_staff.held, by_staff.quiet, people.asked_again):
        with pytest.raises(Refused, match="was erased"):
            act(one)
        db.session.rollback()


def test_staff_still_see_the_money_and_read_that_the_person_went(plan, erase, app):
    people.known(plan)
    erase()
    browser = sitting(app)
    pages = {
        "/admin/customers/": "Erased",
        "/admin/customers/1": "KSh\u00a0300",
        "/admin/customers/1/phone": "Erased",
        "/admin/customers/1/name": "Erased",
        "/admin/customers/1/reveal": "Erased",
        "/admin/customers/?person=1": "Erased",
        "/admin/subscriptions/": "Erased",
        "/admin/subscriptions/1": "Erased",
        "/admin/payments/": "Erased",
        "/admin/payments/?phone=1": "was erased",
        "/admin/payments/1/": "Its person was erased",
        "/admin/disputes/1/evidence": "Erased",
        "/admin/disputes/": "",
        "/admin/disputes/1": "(erased)",
        "/admin/reconciliation/": "",
        "/admin/reconciliation/receipts/2/": "Erased",
        "/admin/audit/": "the money stays",
        "/admin/failed/": "",
        "/admin/": "",
    }
    wrong = {path: browser.get(path).status_code for path in pages}
    assert {path: code for path, code in wrong.items() if code != 200} == {}
    assert [path for path, word in pages.items() if word not in browser.get(path).text] == []
    sheet = send(browser, "/admin/payments/export.csv", "/admin/payments/").text
    assert sheet.count(",Erased,") == 2


def test_customers_still_have_their_receipt_without_a_number(plan, erase, client):
    _, paid, failed, _ = people.known(plan)
    token, failed_token = (factories.fresh(one).token for one in (paid, failed))
    with client.session_transaction() as session:
        session["mine"] = [token, failed_token]
    erase()
    for path in (f"/pay/{token}", f"/pay/{token}/receipt"):
        page = client.get(path)
        assert page.status_code == 200
        assert "TKL4H7Q2MX" in page.text
        assert "Paid from" not in page.text
    assert client.get(f"/pay/{token}/receipt.pdf").data.startswith(b"%PDF")
    as_json = {"Accept": "application/json"}
    assert client.get(f"/pay/{token}/status", headers=as_json).json["receipt"] == "TKL4H7Q2MX"
    page = client.get(f"/pay/{failed_token}")
    assert page.status_code == 200
    assert "<b></b>" not in page.text
