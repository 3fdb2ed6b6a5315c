"""Subscriptions that end with their paid time, and the lists of subscriptions and people.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-23 20:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NEWEST = ["merchant_id", "created_at", "id"]
ENDED = sa.text("cancelled_at is not null or ends_at is not null")
INDEXES = (
    ("ix_subscription_merchant", "subscription", NEWEST, None),
    ("ix_subscription_plan", "subscription", ["plan_id", "created_at", "id"], None),
    ("ix_subscription_ended", "subscription", NEWEST, ENDED),
    ("ix_subscription_subscriber", "subscription", ["subscriber_id", "id"], None),
    ("ix_subscriber_merchant", "subscriber", NEWEST, None),
    ("ix_receipt_subscriber", "receipt", ["subscriber_id", "paid_at", "id"], None),
)
RULE = "cancelled_at is null or ends_at is null"


def upgrade():
    """Each step may be there already: the indexes are made outside of the transaction."""
    op.execute("alter table subscription add column if not exists ends_at timestamptz")
    _make_indexes()
    op.execute("alter table subscription drop constraint if exists ck_subscription_one_end")
    op.execute(
        f"alter table subscription add constraint ck_subscription_one_end check ({RULE}) not valid"
    )
    op.execute("alter table subscription validate constraint ck_subscription_one_end")


def _make_indexes():
    """Without standing in the way of customers who buy meanwhile."""
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.execute(f"drop index concurrently if exists {name}")  # half made, by a try that failed
            op.create_index(
                name, table, columns, postgresql_where=where, postgresql_concurrently=True
            )


def downgrade():
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    op.execute("alter table subscription drop constraint ck_subscription_one_end")
    op.drop_column("subscription", "ends_at")
