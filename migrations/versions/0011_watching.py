"""Running totals, the scheduler's beat, what the books said, incidents and what is told of them.

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-26 11:40:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "running_total",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name="pk_running_total"),
    )
    op.create_table(
        "counted",
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name="fk_counted_merchant_id_merchant"),
        sa.PrimaryKeyConstraint("merchant_id", name="pk_counted"),
    )
    # Totals begin here: a log of years is not read for them.
    op.execute("insert into counted (merchant_id, seq) select merchant_id, seq from audit_head")
    op.create_table(
        "beat",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_beat"),
    )
    op.create_table(
        "books_check",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("wrong", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("rule", name="pk_books_check"),
    )
    _make_incidents()


def _make_incidents():
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=True),
        sa.Column("says", sa.String(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("told_at", TIME, nullable=True),
        sa.Column("closed_at", TIME, nullable=True),
        sa.CheckConstraint(
            "closed_at is null or closed_at >= opened_at", name="ck_incident_in_order"
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_incident_merchant_id_merchant"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    op.create_index(
        "uq_incident_open",
        "incident",
        ["condition", "merchant_id"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "alert_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("kind in ('opened', 'over')", name="ck_alert_message_kind"),
        sa.CheckConstraint("channel in ('mail', 'webhook')", name="ck_alert_message_channel"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name="fk_alert_message_incident_id_incident"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_alert_message"),
    )
    op.create_index(
        "uq_alert_message_once", "alert_message", ["incident_id", "kind", "channel"], unique=True
    )
    op.create_index(
        "ix_alert_message_due",
        "alert_message",
        ["next_try_at"],
        postgresql_where=sa.text("sent_at is null"),
    )


def downgrade():
    for table in ("alert_message", "incident", "books_check", "beat", "counted", "running_total"):
        op.drop_table(table)
