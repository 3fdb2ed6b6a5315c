"""Staff sessions that can be ended, a second factor, recovery codes, and the role operator.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-24 09:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (
    ("staff", sa.Column("name", sa.String())),
    ("staff", sa.Column("password_changed_at", sa.DateTime(timezone=True))),
    (
        "staff",
        sa.Column(
            "must_change_password", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    ),
    ("staff", sa.Column("totp_sealed", sa.LargeBinary())),
    ("staff", sa.Column("totp_confirmed_at", sa.DateTime(timezone=True))),
    ("staff", sa.Column("totp_last_step", sa.BigInteger())),
    (
        "merchant",
        sa.Column(
            "second_factor_required", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    ),
)
BEFORE = "role in ('owner', 'finance', 'support', 'viewer')"
AFTER = "role in ('operator', 'owner', 'finance', 'support', 'viewer')"
TOTP = "(totp_sealed is null) = (totp_confirmed_at is null)"


def upgrade():
    for table, column in COLUMNS:
        op.add_column(table, column)
    _check("ck_staff_totp", TOTP)
    op.execute("alter table staff drop constraint ck_staff_role")
    _check("ck_staff_role", AFTER)
    _make_staff_session()
    _make_recovery_code()


def _check(name, rule):
    """Staff are few: looking through them blocks nobody for long."""
    op.execute(f"alter table staff add constraint {name} check ({rule}) not valid")
    op.execute(f"alter table staff validate constraint {name}")


def _make_staff_session():
    op.create_table(
        "staff_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("end_reason", sa.String()),
        sa.Column("address", sa.String()),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("acting_merchant_id", sa.BigInteger()),
        sa.CheckConstraint("length(user_agent) <= 200", name="ck_staff_session_user_agent"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_session_staff_id_staff"),
        sa.ForeignKeyConstraint(
            ["acting_merchant_id"],
            ["merchant.id"],
            name="fk_staff_session_acting_merchant_id_merchant",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_staff_session"),
        sa.UniqueConstraint("token_hash", name="uq_staff_session_token_hash"),
    )
    op.create_index("ix_staff_session_staff_id", "staff_session", ["staff_id"])


def _make_recovery_code():
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_recovery_code_staff_id_staff"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_code"),
        sa.UniqueConstraint("staff_id", "code_hash", name="uq_recovery_code_staff_id_code_hash"),
    )


def downgrade():
    op.drop_table("recovery_code")
    op.drop_table("staff_session")
    op.execute("alter table staff drop constraint ck_staff_role")
    op.execute("update staff set role = 'owner' where role = 'operator'")
    _check("ck_staff_role", BEFORE)
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
