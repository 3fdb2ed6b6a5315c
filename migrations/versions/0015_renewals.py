"""Who is to be asked for the next period: a queue, which nobody read before.

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-26 18:20:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "renewal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("ask_after", TIME, nullable=False),
        sa.Column("payment_id", sa.BigInteger()),
        sa.Column("done_at", TIME),
        sa.Column("outcome", sa.String()),
        sa.CheckConstraint(
            "(done_at is null) = (outcome is null)", name=op.f("ck_renewal_outcome")
        ),
        sa.CheckConstraint(
            "(payment_id is not null) = (outcome is not null and outcome = 'asked')",
            name=op.f("ck_renewal_asked"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_renewal_invoice_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name=op.f("fk_renewal_merchant_id_merchant")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "invoice_id"],
            ["invoice.merchant_id", "invoice.id"],
            name=op.f("fk_renewal_merchant_id_invoice_id_invoice"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payment_id"],
            ["payment.merchant_id", "payment.id"],
            name=op.f("fk_renewal_merchant_id_payment_id_payment"),
        ),
    )
    op.create_index(
        "ix_renewal_waiting",
        "renewal",
        ["ask_after", "id"],
        postgresql_where=sa.text("done_at is null"),
    )


def downgrade():
    """What waited is asked for by nobody; its invoices stay open."""
    op.drop_table("renewal")
