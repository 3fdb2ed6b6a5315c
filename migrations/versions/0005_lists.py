"""What the lists of payments are searched by; notes and saved views.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-23 20:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

AT_ONCE = 5_000  # rows of one commit: locks are held for moments
REASON = sa.text("reason is not null")
# app/desk/indexes.py says which filter each of them answers.
LISTS = (
    ("ix_payment_list", [], None),
    ("ix_payment_status", ["status"], None),
    ("ix_payment_status_plan", ["status", "plan_id"], None),
    ("ix_payment_status_amount", ["status", "amount"], None),
    ("ix_payment_status_plan_amount", ["status", "plan_id", "amount"], None),
    ("ix_payment_reason", ["reason"], REASON),
    ("ix_payment_reason_plan", ["reason", "plan_id"], REASON),
    ("ix_payment_reason_amount", ["reason", "amount"], REASON),
)
INDEXES = (
    *((name, "payment", ["merchant_id", *by, "created_at", "id"], where) for name, by, where in LISTS),
    ("ix_payment_of_phone", "payment", ["phone_index", "created_at", "id"], None),
    ("ix_subscriber_name", "subscriber", ["merchant_id", sa.text("lower(name) text_pattern_ops")], None),
)
# The code before this migration knows no plan_id: what it writes until it is restarted has one too.
FILL = """create or replace function fill_payment_plan() returns trigger language plpgsql as $$
    begin
      select s.plan_id into new.plan_id from invoice i join subscription s on s.id = i.subscription_id
      where i.id = new.invoice_id;
      return new;
    end $$"""
FILLS = """create or replace trigger payment_plan before insert on payment for each row
    when (new.plan_id is null) execute function fill_payment_plan()"""
FROZEN = """create trigger payment_plan_frozen before update of plan_id on payment
    for each row execute function keep_frozen('plan_id')"""
BACKFILL = """update payment p set plan_id = s.plan_id
    from invoice i join subscription s on s.id = i.subscription_id
    where i.id = p.invoice_id and p.plan_id is null"""


def upgrade():
    _stay_out_of_the_way()
    op.create_foreign_key(
        "fk_payment_merchant_id_plan_id_plan",
        "payment",
        "plan",
        ["merchant_id", "plan_id"],
        ["merchant_id", "id"],
        postgresql_not_valid=True,
    )
    op.execute("alter table payment validate constraint fk_payment_merchant_id_plan_id_plan")
    op.execute(FROZEN)
    _make_note()
    _make_saved_view()


def _stay_out_of_the_way():
    """Payments go on meanwhile: small commits, indexes made beside them. It can be run again."""
    with op.get_context().autocommit_block():
        op.execute("alter table payment add column if not exists plan_id bigint")
        op.execute("alter table subscriber add column if not exists name varchar")
        op.execute(FILL)
        op.execute(FILLS)
        _backfill()
        op.execute("set statement_timeout = 0")  # an index of a large table takes its minutes
        for name, table, columns, where in INDEXES:
            op.execute(f"drop index concurrently if exists {name}")  # half made, by a try that failed
            op.create_index(
                name, table, columns, postgresql_where=where, postgresql_concurrently=True
            )
        op.execute("drop index concurrently if exists ix_payment_phone")
        op.execute("set statement_timeout = '60s'")


def _backfill():
    if op.get_context().as_sql:  # to be read, not to be run on a large table
        op.execute(BACKFILL)
        return
    bind = op.get_bind()
    newest = bind.scalar(sa.text("select coalesce(max(id), 0) from payment"))
    for first in range(1, newest + 1, AT_ONCE):
        bind.execute(sa.text(f"{BACKFILL} and p.id between {first} and {first + AT_ONCE - 1}"))


def _make_note():
    op.create_table(
        "note",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(text) between 1 and 1000", name="ck_note_text"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.id"], name="fk_note_merchant_id_merchant"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_note_staff_id_staff"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payment_id"],
            ["payment.merchant_id", "payment.id"],
            name="fk_note_merchant_id_payment_id_payment",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
    )
    op.create_index("ix_note_payment_id", "note", ["payment_id", "id"])


def _make_saved_view():
    op.create_table(
        "saved_view",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(name) between 1 and 60", name="ck_saved_view_name"),
        sa.CheckConstraint("length(query) <= 1000", name="ck_saved_view_query"),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.id"], name="fk_saved_view_merchant_id_merchant"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_saved_view_staff_id_staff"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
        sa.UniqueConstraint("staff_id", "name", name="uq_saved_view_staff_id_name"),
    )


def downgrade():
    op.drop_table("saved_view")
    op.drop_table("note")
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    op.create_index("ix_payment_phone", "payment", ["phone_index", "created_at"])
    op.execute("drop trigger payment_plan on payment")
    op.execute("drop trigger payment_plan_frozen on payment")
    op.execute("drop function fill_payment_plan()")
    op.drop_column("payment", "plan_id")
    op.drop_column("subscriber", "name")
