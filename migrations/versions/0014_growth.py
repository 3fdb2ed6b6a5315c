"""Indexes that each payment paid for and nobody read, and vacuums that come in time.

A ledger's `transfer` is only ever grouped whole, and of its accounts only suspense is asked for by
name. Three others were mostly of nulls.

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-26 15:25:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NEWEST = ["merchant_id", "created_at", "id"]
# Name, table, columns, of which rows, and what else create_index is told.
NEW = (
    ("ix_ledger_entry_suspense", "ledger_entry", ["merchant_id"], "account = 'suspense'", {}),
    ("ix_ledger_entry_receipt", "ledger_entry", ["receipt_id"], "receipt_id is not null", {}),
    ("ix_allocation_balance", "allocation", ["subscriber_id"], "subscriber_id is not null", {}),
    ("uq_payment_retried", "payment", ["retry_of_id"], "retry_of_id is not null", {"unique": True}),
    (
        *("ix_subscription_newest", "subscription", NEWEST, None),
        {"postgresql_include": ["plan_id", "paid_through"]},
    ),
)
OLD = (
    ("ix_ledger_entry_account", "ledger_entry", ["merchant_id", "account"], None, {}),
    ("ix_ledger_entry_transfer", "ledger_entry", ["transfer"], None, {}),
    ("ix_ledger_entry_receipt_id", "ledger_entry", ["receipt_id"], None, {}),
    ("ix_allocation_subscriber", "allocation", ["subscriber_id"], None, {}),
    ("ix_subscription_merchant", "subscription", NEWEST, None, {}),
)
UNIQUE = "uq_payment_retry_of_id"
# PostgreSQL's own fifth of ten million rows is weeks of dead entries at the end that lists begin from,
# and of new pages that index-only scans do not trust yet.
TABLES = (
    *("payment", "callback", "invoice", "subscription"),
    *("receipt", "allocation", "ledger_entry", "audit_event"),
)
SCALES = {"vacuum_scale_factor": 0.02, "vacuum_insert_scale_factor": 0.02, "analyze_scale_factor": 0.02}


def upgrade():
    _make(NEW)
    _drop(OLD)
    for table in TABLES:
        options = ", ".join(f"autovacuum_{name} = {value}" for name, value in SCALES.items())
        op.execute(f"alter table {table} set ({options})")
    op.execute(f"alter table payment drop constraint if exists {UNIQUE}")


def _make(indexes):
    """Payments go on meanwhile; half made ones of a try that failed go first."""
    with op.get_context().autocommit_block():
        op.execute("set statement_timeout = 0")
        for name, table, columns, where, more in indexes:
            op.execute(f"drop index concurrently if exists {name}")
            op.create_index(
                name,
                table,
                columns,
                postgresql_where=sa.text(where) if where else None,
                postgresql_concurrently=True,
                **more,
            )
        op.execute("set statement_timeout = '60s'")


def _drop(indexes):
    with op.get_context().autocommit_block():
        for name, *_ in indexes:
            op.execute(f"drop index concurrently if exists {name}")


def downgrade():
    op.execute(f"alter table payment add constraint {UNIQUE} unique (retry_of_id)")
    for table in TABLES:
        op.execute(f"alter table {table} reset ({', '.join(f'autovacuum_{name}' for name in SCALES)})")
    _make(OLD)
    _drop(NEW)
