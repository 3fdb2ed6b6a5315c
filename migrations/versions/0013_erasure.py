"""People can be erased and bodies purged; what a customer agreed to is kept.

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-26 12:00:00

"""
import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = (
    ("subscriber", sa.Column("erased_at", sa.DateTime(timezone=True))),
    ("payment", sa.Column("consent_version", sa.SmallInteger())),
    ("payment", sa.Column("consent_language", sa.String())),
)
CHECKS = (
    (
        "subscriber",
        "ck_subscriber_erased",
        "(phone_index is null) = (phone_sealed is null)"
        " and (phone_index is null) = (erased_at is not null)",
    ),
    ("payment", "ck_payment_severed", "(phone_index is null) = (phone_sealed is null)"),
    (
        "payment",
        "ck_payment_asked_has_phone",
        "status in ('paid', 'failed') or phone_index is not null",
    ),
    ("payment", "ck_payment_consent_language", "consent_language in ('en', 'sw')"),
)
INDEXES = (
    ("ix_subscriber_erased", "subscriber", ["id"], "erased_at is not null"),
    ("ix_payment_severed", "payment", ["id"], "phone_index is null"),
    ("ix_callback_body", "callback", ["received_at"], "body_sealed is not null"),
)
PHONES = [(table, name) for table in ("subscriber", "payment") for name in ("phone_index", "phone_sealed")]
CALLBACK = """create or replace function keep_callback_facts() returns trigger language plpgsql as $$
    begin
      if tg_op = 'DELETE' then
        if old.payment_id is null then return old; end if;  -- a stray message is kept for a day
        raise exception 'a callback is never deleted (M13)' using errcode = 'restrict_violation';
      end if;
      if (new.uid, new.received_at) is distinct from (old.uid, old.received_at)
         or new.payment_id is distinct from old.payment_id
         or new.merchant_id is distinct from old.merchant_id
         or new.address is distinct from old.address then
        raise exception 'a callback keeps its facts (M13)' using errcode = 'restrict_violation';
      end if;
      {body}
      return new;
    end $$"""
# It may be sealed again, and may go once its message is settled; what went never comes back.
BODY = """if old.body_sealed is null and new.body_sealed is not null
         or new.body_sealed is null and old.body_sealed is not null and old.settled_at is null then
        raise exception 'a body goes once, and not before it is settled (M13)'
          using errcode = 'restrict_violation';
      end if;"""
# What somebody wrote may name a person: it can be erased, once, and never be rewritten.
ERASE_ONLY = """create function erase_only() returns trigger language plpgsql as $$
    declare field text; after jsonb;
    begin
      if tg_op = 'DELETE' then
        raise exception '% is append-only (M13)', tg_table_name using errcode = 'restrict_violation';
      end if;
      after := to_jsonb(new);
      foreach field in array tg_argv loop
        if after ->> field is distinct from to_jsonb(old) ->> field
           and coalesce(after ->> field, '(erased)') <> '(erased)' then
          raise exception '% %: its % can be erased, not changed', tg_table_name, old.id, field
            using errcode = 'restrict_violation';
        end if;
      end loop;
      if after - tg_argv is distinct from to_jsonb(old) - tg_argv then
        raise exception '% is append-only (M13)', tg_table_name using errcode = 'restrict_violation';
      end if;
      return new;
    end $$"""
# (table, what may be erased of it, whether the rest of it may change)
WRITTEN = (
    ("reallocation", "reason", False),
    ("statement_line", "reference", False),
    ("dispute_evidence", "text", False),
    ("note", "text", True),
    ("dispute", "says", True),
    ("match_proposal", "reason", True),
)
APPEND_ONLY_BEFORE = ("reallocation", "statement_line", "dispute_evidence")


def upgrade():
    for table, column in COLUMNS:
        op.execute(f"alter table {table} add column if not exists {column.name} {_type(column)}")
    for table, name in PHONES:
        op.alter_column(table, name, nullable=True)
    op.execute(CALLBACK.format(body=BODY))
    op.execute("drop function if exists erase_only() cascade")
    op.execute(ERASE_ONLY)
    for table, text, rest in WRITTEN:
        _guard(table, f"erase_only('{text}')", f"update of {text}" if rest else "update or delete")
    _stay_out_of_the_way()


def _type(column):
    return column.type.compile(dialect=sa.dialects.postgresql.dialect())


def _guard(table, function, events):
    name = f"{table}_erase_only" if "of" in events else f"{table}_append_only"
    op.execute(
        f"create or replace trigger {name} before {events} on {table}"
        f" for each row execute function {function}"
    )


def _stay_out_of_the_way():
    """Payments go on meanwhile. It can be run again."""
    with op.get_context().autocommit_block():
        op.execute("set statement_timeout = 0")  # a large table takes its minutes
        for table, name, rule in CHECKS:
            op.execute(f"alter table {table} drop constraint if exists {name}")
            op.execute(f"alter table {table} add constraint {name} check ({rule}) not valid")
            op.execute(f"alter table {table} validate constraint {name}")
        for name, table, columns, where in INDEXES:
            op.execute(f"drop index concurrently if exists {name}")  # half made, by a try that failed
            op.create_index(
                name, table, columns, postgresql_where=sa.text(where), postgresql_concurrently=True
            )
        op.execute("set statement_timeout = '60s'")


def downgrade():
    """Whoever was erased stays so: a random number, which nobody has, stands where theirs was."""
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
    for table, name, _ in CHECKS:
        op.execute(f"alter table {table} drop constraint {name}")
    op.execute("drop function erase_only() cascade")
    for table in APPEND_ONLY_BEFORE:
        _guard(table, "refuse_change()", "update or delete")
    op.execute(CALLBACK.format(body=""))
    for table, name in PHONES:
        op.execute(
            f"update {table} set {name} = uuid_send(gen_random_uuid()) where {name} is null"
        )
        op.alter_column(table, name, nullable=False)
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
