"""Outages of M-PESA, and what each number has sent lately.

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-26 11:50:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OPEN = sa.text("closed_at is null")
SENT = sa.text("sending_at is not null")


def upgrade():
    """The table last: the index is made outside of the transaction, and may be there already."""
    _make_index()
    op.create_table(
        "outage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("shortcode", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probes", sa.SmallInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("closed_why", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(closed_at is null) = (closed_by is null)", name="ck_outage_closed_by_whom"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outage"),
    )
    op.create_index("uq_outage_open", "outage", ["shortcode"], unique=True, postgresql_where=OPEN)
    op.create_index("ix_outage_shortcode", "outage", ["shortcode", "opened_at"])
    op.create_index("ix_outage_closed_at", "outage", ["closed_at"])


def _make_index():
    """Without standing in the way of payments."""
    with op.get_context().autocommit_block():
        op.execute("set statement_timeout = 0")
        op.execute("drop index concurrently if exists ix_payment_sent")  # half made, by a try that failed
        op.create_index(
            "ix_payment_sent",
            "payment",
            ["shortcode", "sending_at"],
            postgresql_where=SENT,
            postgresql_concurrently=True,
        )
        op.execute("set statement_timeout = '60s'")


def downgrade():
    op.drop_table("outage")
    op.drop_index("ix_payment_sent", table_name="payment")
