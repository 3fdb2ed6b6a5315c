"""Indexes that millions of ledger entries paid for and nobody read, and vacuums that come in time.

`transfer` is only ever grouped whole, and of the accounts only suspense is asked for by name.

Revision ID: 0016
Revises: 0013
Create Date: 2026-11-26 15:25:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None

SUSPENSE = sa.text("account = 'suspense'")
NEW = (("ix_ledger_entry_suspense", ["merchant_id"], SUSPENSE),)
OLD = (
    ("ix_ledger_entry_account", ["merchant_id", "account"], None),
    ("ix_ledger_entry_transfer", ["transfer"], None),
)
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


def _make(indexes):
    """Payments go on meanwhile; half made ones of a try that failed go first."""
    with op.get_context().autocommit_block():
        op.execute("set statement_timeout = 0")
        for name, columns, where in indexes:
            op.execute(f"drop index concurrently if exists {name}")
            op.create_index(
                name,
                "ledger_entry",
                columns,
                postgresql_where=where,
                postgresql_concurrently=True,
            )
        op.execute("set statement_timeout = '60s'")


def _drop(indexes):
    with op.get_context().autocommit_block():
        for name, _, _ in indexes:
            op.execute(f"drop index concurrently if exists {name}")


def downgrade():
    for table in TABLES:
        op.execute(f"alter table {table} reset ({', '.join(f'autovacuum_{name}' for name in SCALES)})")
    _make(OLD)
    _drop(NEW)
