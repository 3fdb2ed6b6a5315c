"""Which line of a statement another one takes back.

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-26 12:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEX = "ix_statement_line_linked"


def upgrade():
    """Without standing in the way of whoever takes in a statement. It can be run again."""
    with op.get_context().autocommit_block():
        op.execute("alter table statement_line add column if not exists linked_code varchar")
        op.execute(f"drop index concurrently if exists {INDEX}")  # half made, by a try that failed
        op.create_index(
            INDEX,
            "statement_line",
            ["merchant_id", "linked_code"],
            postgresql_where=sa.text("linked_code is not null"),
            postgresql_concurrently=True,
        )


def downgrade():
    op.drop_index(INDEX, table_name="statement_line")
    op.drop_column("statement_line", "linked_code")
