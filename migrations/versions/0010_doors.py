"""Numbers that get no prompts.

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-26 11:50:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "opt_out",
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("phone_index", name="pk_opt_out"),
    )


def downgrade():
    op.drop_table("opt_out")
