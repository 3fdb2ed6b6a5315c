"""A merchant's M-PESA settings: when and how each was set and tried.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-23 20:00:00

"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = (
    ("merchant", sa.Column("initiator", sa.String())),
    ("merchant", sa.Column("initiator_password", sa.LargeBinary())),
    ("merchant", sa.Column("certificate", sa.String())),
    (
        "merchant",
        sa.Column(
            "secret_facts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False
        ),
    ),
    (
        "merchant",
        sa.Column("verification", sa.String(), server_default=sa.text("'pending'"), nullable=False),
    ),
    ("merchant", sa.Column("verified_at", sa.DateTime(timezone=True))),
    ("merchant", sa.Column("verification_reason", sa.String())),
    ("merchant", sa.Column("verification_of", sa.LargeBinary())),
    (
        "merchant",
        sa.Column(
            "uses_platform_shortcode",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
    ),
    ("payment", sa.Column("shortcode", sa.String())),
)
VERIFICATION = "verification in ('pending', 'verified', 'failed')"
BEFORE = "slug = 'default' or shortcode is not null"
AFTER = f"{BEFORE} or uses_platform_shortcode"


def upgrade():
    for table, column in COLUMNS:
        op.add_column(table, column)
    _check("ck_merchant_verification", VERIFICATION)
    op.execute("alter table merchant drop constraint ck_merchant_has_shortcode")
    _check("ck_merchant_has_shortcode", AFTER)


def _check(name, rule):
    op.execute(f"alter table merchant add constraint {name} check ({rule}) not valid")
    op.execute(f"alter table merchant validate constraint {name}")


def downgrade():
    """Not validated: whoever has no number of their own stays, and cannot be changed until they have."""
    op.execute("alter table merchant drop constraint ck_merchant_has_shortcode")
    op.execute("alter table merchant drop constraint ck_merchant_verification")
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
    op.execute(
        f"alter table merchant add constraint ck_merchant_has_shortcode check ({BEFORE}) not valid"
    )
