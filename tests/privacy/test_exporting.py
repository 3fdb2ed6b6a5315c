"""`flask export-subscriber`: all that is held about a person, and nobody else."""

import json

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.audit import AuditEvent
from app.extensions import db
from app.privacy import exporting
from tests import factories
from tests.payments import renewed
from tests.privacy import people


@pytest.fixture
def export(cli):
    def run(phone="0712 345 678", *options, typed=""):
        result = cli.invoke(args=["export-subscriber", phone, *options], input=typed)
        assert result.exit_code == 0, result.output
        db.session.expire_all()
        return json.loads(result.stdout)

    return run


def test_one_document_has_all_of_it(plan, export):
    people.known(plan)
    document = export("-", typed="+254 712 345 678\n")
    assert document["format"] == "malipo person 1"
    assert document["phone"] == "+254712345678"
    [mine] = document["held_by"]
    assert mine["merchant"] == {"slug": "default", "name": "Duka", "support": None}
    assert (mine["profile"]["name"], mine["profile"]["language"]) == (people.NAME, "sw")
    assert mine["balance"] == 300
    [subscription] = mine["subscriptions"]
    assert [invoice["amount"] for invoice in subscription["invoices"]] == [500, 500]
    paid, failed = mine["payments"]
    assert (paid["status"], failed["status"], failed["reason"]) == ("paid", "failed", "cancelled")
    assert paid["phone"] == "+254712345678"
    assert "TKL4H7Q2MX" in paid["messages"][0]["text"]
    assert paid["notes_of_staff"][0]["text"] == people.WROTE
    assert paid["cases"][0]["says"] == people.SAID
    assert paid["ref"] == "order of Wanjiku"
    assert [receipt["code"] for receipt in mine["receipts"]] == ["TKL4H7Q2MX", "TKL0000099"]
    assert mine["receipts"][1]["moved_by_staff"][0]["reason"] == "told at noon"
    acts = {act["action"] for act in mine["acts"]}
    assert {"payment.noted", "receipt.allocated", "subscription.extended"} <= acts
    assert {act["by"] for act in mine["acts"]} <= {
        *("staff", "customer", "worker", "safaricom", "settlement")
    }


def test_it_tells_what_they_are_to_be_asked_for(plan, export):
    with time_machine.travel(renewed.NOON, tick=False):
        renewed.subscribed(plan, phone_=factories.PHONE)
        renewed.run()
        [mine] = export()["held_by"]
        paid, new = mine["subscriptions"][0]["invoices"]
        assert paid["to_be_asked_for"] is None
        queued = {"queued_at": exporting.plain(clock.now()), "done_at": None, "outcome": None}
        assert new["to_be_asked_for"] == queued


def test_the_audit_log_says_that_it_was_made(plan, export):
    people.known(plan)
    export()
    [event] = db.session.scalars(select(AuditEvent).filter_by(action="subscriber.exported"))
    assert (event.actor, event.subject_type, event.details) == ("command", "subscriber", {})


def test_other_peoples_numbers_are_masked_and_their_names_are_not_told(plan, export):
    payment, hook = factories.pending(plan)
    payment.invoice.subscription.subscriber.name = people.NAME
    people.settle(hook, factories.failure())
    people.paid_by_another(payment)
    document = export()
    [mine] = document["held_by"]
    assert [one["phone"] for one in mine["payments"]] == ["+254712345678", "0722\u00a0•••\u00a0111"]
    assert "722000111" not in json.dumps(mine["payments"])
    theirs = json.dumps(export("0722000111"))
    assert people.NAME not in theirs
    assert '"profile": null' in theirs


def test_nobody_is_said_to_be_nobody(app, cli):
    result = cli.invoke(args=["export-subscriber", "0712345678"])
    assert (result.exit_code, result.output) == (1, "Error: Nothing is held about this number.\n")


def test_after_erasure_there_is_nothing_to_export(plan, cli):
    people.known(plan)
    cli.invoke(args=["erase", "0712345678", "--yes", "--reason=a letter"])
    assert cli.invoke(args=["export-subscriber", "0712345678"]).exit_code == 1
