"""The books prove themselves; a wrong row is named by its rule, and no other rule's is."""

from contextlib import contextmanager

import pytest
from sqlalchemy import text

from app.extensions import db
from app.jobs import work
from app.payments import books
from tests import factories

OTHER_PHONE = "254722000111"
RULES = {rule.name: rule for rule in books.RULES}


@pytest.fixture
def bought(plan):
    """A payment that is paid, one that failed, one that waits; the paid one's subscription ran twice."""
    paid, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    _, other = factories.pending(plan, phone=OTHER_PHONE, checkout_id="ws_CO_2")
    factories.deliver(other, factories.failure(checkout_id="ws_CO_2"))
    work.settle_inbox()
    factories.pending(plan, phone="254733000111", checkout_id="ws_CO_3")
    return paid


def ids(name):
    return books.violations(RULES[name])


def wrong():
    return {name for name in RULES if ids(name)}


@contextmanager
def hand():
    """A hand in the database that no trigger and no foreign key stops."""
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        yield lambda statement, **values: connection.execute(text(statement), values)


def test_good_rows_are_good(bought):
    assert wrong() == set()


def test_an_empty_installation_is_good(app):
    assert wrong() == set()


@pytest.mark.breaks_books
def test_at_most_so_many_ids_are_named(plan):
    for n in range(25):
        factories.bought(plan, phone=f"2547120000{n:02}", address=None)
    with hand() as run:
        run("update payment set amount = 1")
    assert len(ids("M4 amount-frozen")) == books.MOST == 20


# Each line is one wrong row, which the rule must name; all of them begin with the same good rows.
PLANTED = [
    ("M1 paid-has-receipt", 1, "update payment set status = 'pending' where id = 1"),
    ("M1 paid-has-receipt", 1, "delete from receipt"),
    (
        "M1 paid-has-receipt",
        3,
        "update payment set status = 'paid', paid_at = now(), verified_by = 'query' where id = 3",
    ),
    ("M1 receipt-allocated", 1, "delete from allocation"),
    ("M1 receipt-allocated", 1, "update allocation set amount = amount - 1"),
    ("M1 receipt-allocated", 1, "update allocation set amount = amount + 1"),
    ("M1 rest-in-suspense", 1, "delete from allocation"),
    (
        "M1 rest-in-suspense",
        1,
        """update ledger_entry set account = 'suspense'
           where account = 'receivable' and receipt_id is not null""",
    ),
    ("M1 owner-or-moved", 1, "update receipt set subscriber_id = null"),
    (
        "M1 owner-or-moved",
        1,
        """insert into reallocation (merchant_id, receipt_id, to_subscriber_id, amount, reason,
             staff_id, attempt, created_at)
           select merchant_id, id, subscriber_id, 5, 'because', 1, 'a-form', now() from receipt""",
    ),
    ("M1 owner-or-moved", 1, "update subscription set subscriber_id = 999 where id = 1"),
    (
        "M2 statement-has-line",
        1,
        "update receipt set source = 'statement'",
    ),
    (
        "M2 moved-by-somebody",
        1,
        """insert into reallocation (merchant_id, receipt_id, to_subscriber_id, amount, reason,
             staff_id, attempt, created_at)
           select merchant_id, id, subscriber_id, 5, 'because', 1, 'a-form', now() from receipt""",
    ),
    ("M3 claim-was-verified", 1, "update receipt set source = 'staff'"),
    ("M1 receipt-booked", 1, "delete from ledger_entry where account like 'mpesa:%'"),
    ("M1 receipt-booked", 1, "update receipt set amount = amount + 1"),
    (
        "M1 receipt-booked",
        1,
        """insert into ledger_entry (merchant_id, transfer, account, amount, receipt_id, posted_at)
           select merchant_id, transfer, account, amount, receipt_id, posted_at from ledger_entry""",
    ),
    ("M2 paid-has-evidence", 1, "update payment set verified_by = null where id = 1"),
    ("M2 paid-has-evidence", 1, "delete from audit_event where action = 'callback.settled'"),
    *(
        (
            "M2 paid-has-evidence",
            1,
            f"""update audit_event set action = '{action}', actor = 'staff:1'
                where action = 'callback.settled'""",
        )
        for action in ("payment.matched", "match.approved")
    ),
    ("M2 invoice-covered", 1, "update allocation set amount = amount - 1"),
    ("M2 invoice-covered", 1, "update invoice set paid_at = null, period_end = null where id = 1"),
    (
        "M2 invoice-covered",
        2,
        """update invoice set paid_at = now(), period_start = now(), period_end = now() + '1 month'
           where id = 2""",
    ),
    ("M2 money-has-receipt", 1, "update ledger_entry set receipt_id = null where id = 1"),
    ("M2 income-is-sold", 1, "delete from ledger_entry where account = 'income'"),
    (
        "M2 income-is-sold",
        1,
        "update ledger_entry set amount = 2 * amount where account = 'income'",
    ),
    ("M2 income-is-sold", 1, "update invoice set paid_at = null, period_end = null where id = 1"),
    ("M4 amount-frozen", 1, "update payment set amount = 20 where id = 1"),
    ("M4 amount-frozen", 1, "update invoice set amount = 20 where id = 1"),
    (
        "M7 paid-is-sticky",
        1,
        "update payment set status = 'failed', reason = 'unknown' where id = 1",
    ),
    ("M9 moves-audited", 1, "update payment set status = 'unconfirmed' where id = 1"),
    ("M9 moves-audited", 1, "delete from audit_event where action = 'payment.paid'"),
    ("M9 moves-audited", 1, "delete from audit_event where action = 'payment.pending'"),
    ("M9 moves-audited", 3, "delete from audit_event where subject_id = 3"),
    ("M11 paid-through", 1, "update subscription set paid_through = paid_through + '1 day'"),
    ("M11 paid-through", 1, "update subscription set paid_through = null"),
    (
        "M11 paid-through",
        1,
        "update invoice set period_start = period_start - '1 year'::interval where id = 1",
    ),
    (
        "M11 paid-through",
        1,
        """insert into invoice (merchant_id, subscription_id, reference, amount, created_at, paid_at,
             period_start, period_end)
           select merchant_id, subscription_id, 'XX-2345678', amount, created_at, paid_at,
             period_start + interval '1 day', period_end from invoice where id = 1""",
    ),
    ("M11 period-length", 1, "update invoice set period_end = period_end + '1 day' where id = 1"),
    ("M11 period-length", 1, "update invoice set period_end = period_end + '1 hour' where id = 1"),
    ("M11 period-length", 1, "update invoice set period_end = period_end + '1 month' where id = 1"),
    ("M11 period-length", 1, "update plan set unit = 'day'"),
    ("M11 period-length", 1, "update plan set unit = 'week'"),
    ("M11 period-length", 1, "update plan set unit = 'quarter'"),
    ("M11 period-length", 1, "update plan set unit = 'year'"),
    ("M11 period-length", 1, "update plan set every = 2"),
    ("M12 one-merchant", 1, "update payment set merchant_id = 999 where id = 1"),
    ("M12 one-merchant", 1, "update ledger_entry set merchant_id = 999 where id = 1"),
    ("M12 one-merchant", 1, "update allocation set merchant_id = 999"),
    ("M12 one-merchant", 1, "update receipt set merchant_id = 999"),
    ("M12 one-merchant", 2, "update subscription set merchant_id = 999 where id = 2"),
    ("M12 one-merchant", 1, "update callback set merchant_id = 999 where id = 1"),
    ("M12 one-merchant", 3, "update payment set retry_of_id = 1, merchant_id = 999 where id = 3"),
    ("M13 balances-agree", 1, "update ledger_entry set account = 'balance:1' where id = 2"),
    (
        "M13 balances-agree",
        1,
        "update allocation set invoice_id = null, subscriber_id = 1",
    ),
    ("M13 ledger-balanced", 1, "update ledger_entry set amount = amount + 1 where id = 1"),
    ("M13 ledger-balanced", 1, "delete from ledger_entry where id = 2"),
]


@pytest.mark.breaks_books
@pytest.mark.parametrize(("rule", "row", "statement"), PLANTED)
def test_a_wrong_row_is_found(bought, cli, rule, row, statement):
    assert bought.id == 1
    with hand() as run:
        run(statement)
    assert row in ids(rule)
    found = cli.invoke(args=["check-books"])
    assert found.exit_code == 1
    [line] = [line for line in found.output.splitlines() if line.startswith(f"{rule}: ")]
    assert str(row) in line.removeprefix(f"{rule}: ").split("  (")[0].split(", ")
    assert RULES[rule].says in line


TWICE = {
    "M3 receipt-unique": (
        "receipt",
        "alter table receipt drop constraint uq_receipt_code",
        """insert into receipt (merchant_id, code, amount, source, paid_at, created_at)
           select merchant_id, code, amount, source, paid_at, created_at from receipt""",
        "alter table receipt add constraint uq_receipt_code unique (code)",
    ),
    "M8 one-in-flight": (
        "payment",
        "drop index uq_payment_live_phone",
        "update payment set phone_index = 'x', status = 'pending', reason = null where id in (1, 3)",
        """create unique index uq_payment_live_phone on payment (phone_index)
           where status in ('created', 'sending', 'pending')""",
    ),
    "M8 one-in-flight, of an invoice": (
        "payment",
        "drop index uq_payment_live_invoice",
        "update payment set invoice_id = 1, status = 'pending', reason = null where id in (1, 3)",
        """create unique index uq_payment_live_invoice on payment (invoice_id)
           where status in ('created', 'sending', 'pending')""",
    ),
}


@pytest.mark.breaks_books
@pytest.mark.parametrize("case", TWICE)
def test_what_may_exist_once_is_found_twice(bought, cli, case):
    """The index that forbids it has to go for that, and comes back when the rows have gone."""
    table, drop, plant, create = TWICE[case]
    rule = case.split(",")[0]
    with hand() as run:
        run(drop)
        run(plant)
    try:
        assert ids(rule) == [1]
        found = cli.invoke(args=["check-books"])
        assert found.exit_code == 1
        assert f"{rule}: 1  (" in found.output
    finally:
        with hand() as run:
            run(f"truncate {table} cascade")
            run(create)


GUARDS = {
    "ledger_entry_append_only": "ledger_entry",
    "ledger_entry_balanced": "ledger_entry",
    "audit_event_append_only": "audit_event",
    "callback_facts": "callback",
    "payment_moves": "payment",
    "allocation_append_only": "allocation",
    "invoice_frozen": "invoice",
    "receipt_frozen": "receipt",
    "reallocation_append_only": "reallocation",
    "statement_line_append_only": "statement_line",
    "daily_close_append_only": "daily_close",
    "dispute_evidence_append_only": "dispute_evidence",
}


@pytest.mark.breaks_books
@pytest.mark.parametrize(("trigger", "table"), GUARDS.items())
def test_a_guard_that_sleeps_is_found(bought, cli, trigger, table):
    with hand() as run:
        run(f"alter table {table} disable trigger {trigger}")
    try:
        assert ids("M13 append-only") == [trigger]
        found = cli.invoke(args=["check-books"])
        assert found.exit_code == 1
        assert f"M13 append-only: {trigger}  (" in found.output
    finally:
        with hand() as run:
            run(f"alter table {table} enable trigger {trigger}")


def test_each_rule_has_a_planted_row():
    planted = {rule for rule, _, _ in PLANTED} | {case.split(",")[0] for case in TWICE}
    assert planted | {"M13 append-only"} == set(RULES)


def test_each_rule_says_what_it_proves():
    assert len(RULES) == len(books.RULES)
    assert all(rule.says and rule.name.startswith("M") for rule in books.RULES)
