"""The days' figures, counted ahead; how far the audit log's chain was checked; whom it is searched for.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-23 21:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COUNTS = (
    "asked",
    "reached",
    "typed",
    "ended",
    "excused",
    "paid",
    "shillings",
    "by_asking",
    "late",
    "late_shillings",
)
MACHINES = "'customer', 'reconciliation', 'safaricom', 'settlement', 'sweep', 'worker'"
LATE = "action = 'payment.paid' and (details ->> 'late')::boolean"
PARKED = "parked_at is not null and settled_at is null"
INDEXES = (
    ("ix_audit_event_person", "audit_event", ["merchant_id", "actor", "seq"], f"actor not in ({MACHINES})"),
    ("ix_audit_event_late", "audit_event", ["merchant_id", "subject_id"], LATE),
    ("ix_subscription_paid_through", "subscription", ["merchant_id", "paid_through", "plan_id"], None),
    ("ix_callback_parked", "callback", ["merchant_id", "parked_at"], PARKED),
)


def upgrade():
    _make_indexes()
    op.create_table(
        "day_figure",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_day_figure_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "kind", "day", "key", name="pk_day_figure"),
    )
    op.create_table(
        "figures_made",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_figures_made_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", name="pk_figures_made"),
    )
    op.create_table(
        "chain_check",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_seq", sa.BigInteger(), nullable=True),
        sa.Column("wrong", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_chain_check_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("merchant_id", name="pk_chain_check"),
    )


def _make_indexes():
    """Without standing in the way of payments; a large log takes its minutes."""
    with op.get_context().autocommit_block():
        op.execute("set statement_timeout = 0")
        for name, table, columns, where in INDEXES:
            op.execute(f"drop index concurrently if exists {name}")  # half made, by a try that failed
            op.create_index(
                name,
                table,
                columns,
                postgresql_where=sa.text(where) if where else None,
                postgresql_concurrently=True,
            )
        op.execute("set statement_timeout = '60s'")


def downgrade():
    for table in ("chain_check", "figures_made", "day_figure"):
        op.drop_table(table)
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
