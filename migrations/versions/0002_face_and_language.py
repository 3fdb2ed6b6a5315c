"""The merchant's face, the subscriber's language, and where a customer came from and returns to.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-23 19:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (
    ("merchant", sa.Column("colour", sa.String())),
    ("merchant", sa.Column("logo", sa.String())),
    (
        "merchant",
        sa.Column(
            "return_urls", sa.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False
        ),
    ),
    ("subscriber", sa.Column("language", sa.String())),
    ("payment", sa.Column("ref", sa.String())),
    ("payment", sa.Column("return_url", sa.String())),
)
CHECKS = (
    ("ck_merchant_colour", "merchant", "colour ~ '^#[0-9a-f]{6}$'"),
    ("ck_subscriber_language", "subscriber", "language in ('en', 'sw')"),
)


def upgrade():
    for table, column in COLUMNS:
        op.add_column(table, column)
    for name, table, rule in CHECKS:  # the column is new: nothing to look through but nulls
        op.execute(f"alter table {table} add constraint {name} check ({rule}) not valid")
        op.execute(f"alter table {table} validate constraint {name}")


def downgrade():
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
