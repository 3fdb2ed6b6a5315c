"""`flask export`: JSON lines with these fields, and no person in them."""

import json

import pytest
import time_machine

from app.audit import AuditEvent
from app.extensions import db
from app.jobs import work
from tests import factories

FIELDS = {
    "payments": "token invoice merchant plan amount status reason receipt attempt created_at "
    "settled_at verified_by shortcode platform",
    "receipts": "code merchant amount paid_at source allocated suspense",
    "subscriptions": "id merchant plan active paid_through ends_at cancelled_at periods",
    "events": "merchant seq at actor action subject_type subject_id details hash",
}


@pytest.fixture
def export(cli):
    def run(what):
        result = cli.invoke(args=["export", what])
        assert result.exit_code == 0
        return [json.loads(line) for line in result.output.splitlines()]

    return run


@pytest.fixture
def sold(plan):
    """One payment that is paid, and one that failed, of another person."""
    with time_machine.travel("2027-01-31T09:00:00Z", tick=False):
        paid, hook = factories.pending(plan)
        factories.deliver(hook, factories.success())
        work.settle_inbox()
        failed, other = factories.pending(plan, phone="254722000111", checkout_id="ws_CO_2")
        factories.deliver(other, factories.failure(checkout_id="ws_CO_2"))
        work.settle_inbox()
        yield paid, failed


@pytest.mark.parametrize("what", FIELDS)
def test_an_empty_installation_has_no_lines(export, what):
    assert export(what) == []


@pytest.mark.parametrize("what", FIELDS)
def test_a_line_has_exactly_these_fields(sold, export, what):
    lines = export(what)
    assert lines
    assert all(list(line) == FIELDS[what].split() for line in lines)


def test_a_payment_is_told_from_its_rows(sold, export):
    paid, failed = sold
    first, second = export("payments")
    assert first == {
        "token": paid.token,
        "invoice": paid.invoice.reference,
        "merchant": "default",
        "plan": "standard",
        "amount": 500,
        "status": "paid",
        "reason": None,
        "receipt": "TKL4H7Q2MX",
        "attempt": paid.attempt,
        "created_at": "2027-01-31T09:00:00+00:00",
        "settled_at": "2027-01-31T09:00:00+00:00",
        "verified_by": "callback",
        "shortcode": "174379",
        "platform": False,
    }
    assert second["token"] == failed.token
    assert (second["status"], second["reason"], second["receipt"]) == ("failed", "cancelled", None)


def test_a_payment_that_is_still_out_has_no_end(plan, export):
    factories.pending(plan)
    [line] = export("payments")
    assert (line["status"], line["settled_at"], line["verified_by"]) == ("pending", None, None)


def test_a_receipt_says_where_its_shillings_are(sold, export):
    [receipt] = export("receipts")
    assert receipt == {
        "code": "TKL4H7Q2MX",
        "merchant": "default",
        "amount": 500,
        "paid_at": "2026-11-21T11:43:00+00:00",
        "source": "callback",
        "allocated": 500,
        "suspense": 0,
    }
    assert type(receipt["allocated"]) is type(receipt["suspense"]) is int


@pytest.mark.breaks_books
def test_a_receipt_without_an_owner_is_in_suspense(plan, export):
    row = "(merchant_id, code, amount, source, paid_at, created_at)"
    values = "(1, 'TKLSUSPENS', 70, 'query', now(), now())"
    db.session.execute(db.text(f"insert into receipt {row} values {values}"))
    db.session.commit()
    [receipt] = export("receipts")
    assert (receipt["allocated"], receipt["suspense"]) == (0, 70)


def test_a_subscription_is_active_while_it_is_paid(sold, export):
    paid, failed = sold
    first, second = export("subscriptions")
    assert first == {
        "id": paid.invoice.subscription.token,
        "merchant": "default",
        "plan": "standard",
        "active": True,
        "paid_through": "2027-02-28T09:00:00+00:00",
        "ends_at": None,
        "cancelled_at": None,
        "periods": 1,
    }
    assert second["id"] == failed.invoice.subscription.token
    assert (second["active"], second["paid_through"], second["periods"]) == (False, None, 0)
    with time_machine.travel("2027-02-28T09:00:01Z"):
        assert export("subscriptions")[0]["active"] is False


def test_the_events_are_told_in_their_order_with_their_hashes(sold, export):
    lines = export("events")
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["action"] == "plan.created"
    assert lines[0]["details"] == {"code": "standard", "price": 500}
    stored = db.session.get_one(AuditEvent, 1)
    assert bytes.fromhex(lines[0]["hash"]) == stored.hash


def test_each_line_names_its_merchant(plan, export):
    factories.pending(plan)
    factories.pending(factories.plan(factories.merchant()), "254722000111", "ws_CO_2")
    for what in ("payments", "subscriptions"):
        assert [line["merchant"] for line in export(what)] == ["default", "duka"]


def test_nobodys_phone_and_no_request_id_is_exported(plan, export):
    _, hook = factories.pending(plan, checkout_id="ws_CO_021120261430151230712345678")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_021120261430151230712345678"))
    work.settle_inbox()
    for what in FIELDS:
        assert "712345678" not in json.dumps(export(what))


def test_more_rows_than_fit_in_memory_at_once_are_all_there(app, plan, cli):
    row = (
        "(merchant_id, seq, at, actor, action, subject_type, subject_id, details, prev_hash, hash)"
    )
    many = f"""insert into audit_event {row} select 1, n + 10, now(), 'a', 'b', 'merchant', 1, '{{}}',
               '', '' from generate_series(1, 2500) n"""
    db.session.execute(db.text(many))
    db.session.commit()
    result = cli.invoke(args=["export", "events"])
    assert len(result.output.splitlines()) == 2501


def test_what_cannot_be_exported_is_said(cli):
    result = cli.invoke(args=["export", "secrets"])
    assert result.exit_code == 2
    assert "payments" in result.output


def test_an_export_leaves_no_transaction_open(sold, export):
    export("payments")
    assert not db.session().in_transaction()
