"""Statements, reallocations, matches by hand, disputes, and the daily close.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-23 20:00:00

"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BEFORE = "source in ('callback', 'query')"
AFTER = "source in ('callback', 'query', 'statement', 'staff')"
# The newest first: each may be referred to by those before it.
TABLES = (
    "dispute_evidence",
    "dispute",
    "daily_close",
    "match_proposal",
    "statement_line",
    "statement",
    "reallocation",
)
APPEND_ONLY = ("reallocation", "statement_line", "daily_close", "dispute_evidence")


def upgrade():
    _change_receipt()
    _make_reallocation()
    _make_statement()
    _make_statement_line()
    _make_match_proposal()
    _make_daily_close()
    _make_dispute()
    _make_dispute_evidence()
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger {table}_append_only before update or delete on {table}"
            " for each row execute function refuse_change()"
        )


def _change_receipt():
    """Without standing in the way of money that arrives meanwhile. It can be run again."""
    with op.get_context().autocommit_block():
        op.execute(
            f"alter table receipt drop constraint if exists ck_receipt_source,"
            f" add constraint ck_receipt_source check ({AFTER}) not valid"
        )
        op.execute("alter table receipt validate constraint ck_receipt_source")
        op.execute("set statement_timeout = 0")  # an index of a large table takes its minutes
        for name, columns, where in RECEIPT_INDEXES:
            op.execute(f"drop index concurrently if exists {name}")  # half made, by a try that failed
            op.create_index(
                name, "receipt", columns, postgresql_where=where, postgresql_concurrently=True
            )
        op.execute("set statement_timeout = '60s'")


RECEIPT_INDEXES = (
    ("ix_receipt_paid_at", ["merchant_id", "paid_at"], None),
    ("ix_receipt_unowned", ["merchant_id", "paid_at"], sa.text("subscriber_id is null")),
    ("ix_receipt_unnumbered", ["merchant_id", "amount"], sa.text("code is null")),
    ("ix_receipt_claimed", ["claimed_code"], sa.text("claimed_code is not null")),
)


def _id():
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _number(name, nullable=False):
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name, nullable=False):
    return sa.Column(name, sa.String(), nullable=nullable)


def _time(name, nullable=False):
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _inside(table, column, other):
    """A reference that stays inside one merchant (M12)."""
    return sa.ForeignKeyConstraint(
        ["merchant_id", column],
        [f"{other}.merchant_id", f"{other}.id"],
        name=f"fk_{table}_merchant_id_{column}_{other}",
    )


def _to(table, column, other):
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _make_reallocation():
    op.create_table(
        "reallocation",
        _id(),
        _number("merchant_id"),
        _number("receipt_id"),
        _number("from_subscriber_id", nullable=True),
        _number("to_subscriber_id", nullable=True),
        _number("amount"),
        _text("reason"),
        _number("staff_id"),
        _text("attempt"),
        _number("undoes_id", nullable=True),
        _time("created_at"),
        sa.CheckConstraint("amount > 0", name="ck_reallocation_amount"),
        sa.CheckConstraint("reason <> ''", name="ck_reallocation_reason"),
        sa.CheckConstraint(
            "from_subscriber_id is distinct from to_subscriber_id", name="ck_reallocation_moves"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reallocation"),
        sa.UniqueConstraint("merchant_id", "id", name="uq_reallocation_merchant_id_id"),
        sa.UniqueConstraint("merchant_id", "attempt", name="uq_reallocation_merchant_id_attempt"),
        sa.UniqueConstraint("undoes_id", name="uq_reallocation_undoes_id"),
        _inside("reallocation", "receipt_id", "receipt"),
        _inside("reallocation", "from_subscriber_id", "subscriber"),
        _inside("reallocation", "to_subscriber_id", "subscriber"),
        _inside("reallocation", "undoes_id", "reallocation"),
        _to("reallocation", "merchant_id", "merchant"),
        _to("reallocation", "staff_id", "staff"),
    )
    op.create_index("ix_reallocation_receipt", "reallocation", ["receipt_id"])


def _make_statement():
    op.create_table(
        "statement",
        _id(),
        _number("merchant_id"),
        _number("staff_id"),
        _text("name"),
        _text("shortcode", nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        _time("first_at"),
        _time("last_at"),
        _time("created_at"),
        sa.CheckConstraint("first_at <= last_at", name="ck_statement_range"),
        sa.PrimaryKeyConstraint("id", name="pk_statement"),
        sa.UniqueConstraint("merchant_id", "id", name="uq_statement_merchant_id_id"),
        _to("statement", "merchant_id", "merchant"),
        _to("statement", "staff_id", "staff"),
    )
    op.create_index("ix_statement_merchant", "statement", ["merchant_id", "id"])


def _make_statement_line():
    op.create_table(
        "statement_line",
        _id(),
        _number("statement_id"),
        _number("merchant_id"),
        _text("code"),
        _time("completed_at"),
        sa.Column("paid_in", sa.Numeric(12, 2), nullable=False),
        sa.Column("withdrawn", sa.Numeric(12, 2), nullable=False),
        _text("reference", nullable=True),
        _text("status"),
        _text("kind"),
        sa.CheckConstraint("paid_in >= 0 and withdrawn >= 0", name="ck_statement_line_amounts"),
        sa.PrimaryKeyConstraint("id", name="pk_statement_line"),
        sa.UniqueConstraint(
            "merchant_id", "code", "kind", name="uq_statement_line_merchant_id_code_kind"
        ),
        _inside("statement_line", "statement_id", "statement"),
        _to("statement_line", "merchant_id", "merchant"),
    )
    op.create_index(
        "uq_statement_line_money_in",
        "statement_line",
        ["merchant_id", "code"],
        unique=True,
        postgresql_where=sa.text("paid_in > 0"),
    )
    op.create_index(
        "ix_statement_line_completed", "statement_line", ["merchant_id", "completed_at"]
    )
    op.create_index("ix_statement_line_reference", "statement_line", ["merchant_id", "reference"])


def _make_match_proposal():
    op.create_table(
        "match_proposal",
        _id(),
        _number("merchant_id"),
        _number("payment_id"),
        _text("code"),
        _number("amount"),
        _text("reason"),
        _number("proposed_by"),
        _time("proposed_at"),
        _text("decision", nullable=True),
        _number("decided_by", nullable=True),
        _time("decided_at", nullable=True),
        sa.CheckConstraint("decided_by <> proposed_by", name="ck_match_proposal_two_people"),
        sa.CheckConstraint(
            "decision in ('approved', 'rejected')", name="ck_match_proposal_decision"
        ),
        sa.CheckConstraint(
            "(decision is null) = (decided_by is null)"
            " and (decision is null) = (decided_at is null)",
            name="ck_match_proposal_decided",
        ),
        sa.CheckConstraint("reason <> ''", name="ck_match_proposal_reason"),
        sa.CheckConstraint("amount > 0", name="ck_match_proposal_amount"),
        sa.PrimaryKeyConstraint("id", name="pk_match_proposal"),
        _inside("match_proposal", "payment_id", "payment"),
        _to("match_proposal", "merchant_id", "merchant"),
        _to("match_proposal", "proposed_by", "staff"),
        _to("match_proposal", "decided_by", "staff"),
    )
    op.create_index(
        "uq_match_proposal_open",
        "match_proposal",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("decided_at is null"),
    )
    op.create_index("ix_match_proposal_merchant", "match_proposal", ["merchant_id", "id"])


def _make_daily_close():
    op.create_table(
        "daily_close",
        _id(),
        _number("merchant_id"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        _text("note"),
        _number("staff_id"),
        _time("signed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_daily_close"),
        sa.UniqueConstraint("merchant_id", "day", name="uq_daily_close_merchant_id_day"),
        _to("daily_close", "merchant_id", "merchant"),
        _to("daily_close", "staff_id", "staff"),
    )


def _make_dispute():
    op.create_table(
        "dispute",
        _id(),
        _number("merchant_id"),
        _number("payment_id"),
        _text("kind"),
        sa.Column("due_on", sa.Date(), nullable=False),
        _text("says"),
        _number("opened_by"),
        _time("opened_at"),
        _text("outcome", nullable=True),
        _number("closed_by", nullable=True),
        _time("closed_at", nullable=True),
        sa.CheckConstraint(
            "kind in ('charged_twice', 'not_received', 'wrong_amount', 'not_mine', 'other')",
            name="ck_dispute_kind",
        ),
        sa.CheckConstraint(
            "outcome in ('refunded', 'rejected', 'accepted', 'withdrawn')",
            name="ck_dispute_outcome",
        ),
        sa.CheckConstraint(
            "(outcome is null) = (closed_at is null) and (outcome is null) = (closed_by is null)",
            name="ck_dispute_closed",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispute"),
        sa.UniqueConstraint("merchant_id", "id", name="uq_dispute_merchant_id_id"),
        _inside("dispute", "payment_id", "payment"),
        _to("dispute", "merchant_id", "merchant"),
        _to("dispute", "opened_by", "staff"),
        _to("dispute", "closed_by", "staff"),
    )
    op.create_index(
        "uq_dispute_open",
        "dispute",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index("ix_dispute_merchant", "dispute", ["merchant_id", "due_on"])


def _make_dispute_evidence():
    op.create_table(
        "dispute_evidence",
        _id(),
        _number("merchant_id"),
        _number("dispute_id"),
        _text("text"),
        _text("attempt"),
        _number("staff_id"),
        _time("added_at"),
        sa.CheckConstraint("text <> ''", name="ck_dispute_evidence_text"),
        sa.PrimaryKeyConstraint("id", name="pk_dispute_evidence"),
        sa.UniqueConstraint(
            "merchant_id", "attempt", name="uq_dispute_evidence_merchant_id_attempt"
        ),
        _inside("dispute_evidence", "dispute_id", "dispute"),
        _to("dispute_evidence", "merchant_id", "merchant"),
        _to("dispute_evidence", "staff_id", "staff"),
    )
    op.create_index("ix_dispute_evidence_dispute", "dispute_evidence", ["dispute_id", "id"])


def downgrade():
    """Money that came by statement or by hand stays: the old rule then holds for new rows only."""
    for table in TABLES:
        op.drop_table(table)
    for name, _, _ in RECEIPT_INDEXES:
        op.drop_index(name, table_name="receipt")
    op.execute("alter table receipt drop constraint ck_receipt_source")
    op.execute(f"alter table receipt add constraint ck_receipt_source check ({BEFORE}) not valid")
