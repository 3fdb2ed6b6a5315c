"""Fill a migrated, empty database with a believable history of twelve months, set by set.

    DATABASE_URL=postgresql://… .venv/bin/python bench/grow.py 1000000

A subscriber of one of three merchants has four paid months, a fifth that failed, and a second try at
it, which half of them paid. Rows keep every money rule, so `flask check-books` has to read them all and
finds nothing. Two things are not real, for speed: the sealed columns do not open, and the audit's
hashes are blank (`flask verify-audit` says so).
"""

import os
import sys
from collections.abc import Collection
from time import monotonic

import psycopg

OF_ONE = 6  # payments of one subscriber
FIRST = ("Wanjiru", "Otieno", "Achieng", "Kiprono", "Mwende", "Hassan", "Njeri", "Barasa", "Fatuma")
LAST = (
    "Kamau",
    "Ouma",
    "Odhiambo",
    "Cheruiyot",
    "Mutua",
    "Abdi",
    "Mwangi",
    "Wekesa",
    "Ali",
    "Koech",
)
REASONS = (
    *["insufficient_funds"] * 6,
    *["cancelled", "expired"] * 4,
    *["unreachable"] * 3,
    *["wrong_pin", "busy", "merchant_problem"],
)

PERSONS = """create temp table person as
    select s, m, 4 * (m - 1) + p as plan, (array[500, 250, 1499, 2999])[p] as price, start,
      case when s % 10 < 7 then
        (array{first})[s * 7 % 9 + 1] || ' ' || chr(65 + s / 9 % 26) || chr(97 + s / 234 % 26)
        || ' ' || (array{last})[s * 3 % 10 + 1] end as name
    from generate_series(1, {subscribers}) s,
      lateral (select case when s % 20 < 18 then 1 when s % 20 = 18 then 2 else 3 end as m,
        (array[1, 1, 1, 1, 1, 2, 2, 3, 3, 4])[s / 7 % 10 + 1] as p) what,
      lateral (select (date_trunc('month', now() at time zone 'Africa/Nairobi')
          - interval '12 months' + s % 8 * interval '1 month' + s / 8 % 27 * interval '1 day'
          + interval '6 hours' + s::bigint * 7919 % 36000 * interval '1 second')
        at time zone 'Africa/Nairobi' as start) since"""
# In the order of time, as if they had come one by one. The first month is at a lower price.
EACH = """create temp table each as
    select row_number() over (order by at) as i, *,
      case ended when 'failed' then (array{reasons})[s * 31 % 20 + 1] end as reason
    from (select p.*, k, case k when 0 then price * 9 / 10 else price end as amount,
            case when k < 4 or (k = 5 and s % 2 = 0) then 'paid'
              when k = 5 and s % 2000 = 1 then 'unconfirmed' else 'failed' end as ended,
            start + least(k, 4) * interval '1 month'
              + greatest(k - 4, 0) * interval '3 minutes' as at
          from person p, generate_series(0, {of_one} - 1) k) x"""
# The second try is at the invoice of the first.
INVOICES = """create temp table attempt as
    select *, case k when 5 then lag(i) over (partition by s order by k) else i end as invoice
    from each"""

STEPS = (
    (
        "merchant",
        """insert into merchant (id, slug, name, shortcode, created_at) overriding system value
           select m, 'bench-' || m, 'Bench ' || m, 600000 + m, now() from generate_series(2, 3) m""",
    ),
    (
        "plan",
        """insert into plan (id, merchant_id, code, name, price, unit, every, created_at)
           overriding system value
           select 4 * (m - 1) + p, m, code, initcap(code), price, 'month', 1, now()
           from generate_series(1, 3) m, (values (1, 'standard', 500), (2, 'starter', 250),
             (3, 'family', 1499), (4, 'premium', 2999)) as plan(p, code, price)""",
    ),
    (
        "subscriber",
        """insert into subscriber (id, merchant_id, token, phone_index, phone_sealed, name, created_at)
           overriding system value
           select s, m, 's' || s, sha256(s::text::bytea), '\\x01', name, start from person""",
    ),
    (
        "subscription",
        """insert into subscription (id, merchant_id, token, subscriber_id, plan_id, anchor_day,
             paid_through, created_at)
           overriding system value
           select s, m, 'u' || s, s, plan, extract(day from start at time zone 'Africa/Nairobi'),
             start + 4 * interval '1 month'
               + case s % 2 when 0 then interval '1 month 3 minutes' else '0' end, start
           from person""",
    ),
    (
        "invoice",
        """insert into invoice (id, merchant_id, subscription_id, reference, amount, created_at, paid_at,
             period_start, period_end)
           overriding system value
           select invoice, m, s, 'B-' || invoice, min(amount), min(at), paid, paid,
             paid + interval '1 month'
           from (select *, max(at) filter (where ended = 'paid') over (partition by invoice) as paid
                 from attempt) a group by invoice, m, s, paid""",
    ),
    (
        "payment",
        """insert into payment (id, merchant_id, invoice_id, plan_id, token, hook_hash, attempt, method,
             amount, phone_index, phone_sealed, status, reason, checkout_index, created_at, sending_at,
             accepted_at, ended_at, paid_at, verified_by, question_rank, questions, hurries, rechecks)
           overriding system value
           select i, m, invoice, plan, 'p' || i, sha256(('h' || i)::bytea), 'a' || i, 'stk', amount,
             sha256(s::text::bytea), '\\x01', ended, reason, sha256(('c' || i)::bytea), at, at, at,
             case when ended <> 'unconfirmed' then over end, case ended when 'paid' then over end,
             case ended when 'paid' then 'query' end, 1, 1, 0, 0
           from attempt, lateral (select at + (9 + s % 50) * interval '1 s' as over) x order by i""",
    ),
    (
        "receipt",
        """insert into receipt (id, merchant_id, payment_id, subscriber_id, code, amount, source, paid_at,
             created_at)
           overriding system value
           select i, m, i, s, 'B' || lpad(i::text, 9, '0'), amount, 'callback', at, at
           from attempt where ended = 'paid'""",
    ),
    (
        "allocation",
        """insert into allocation (merchant_id, receipt_id, invoice_id, amount, created_at)
           select m, i, invoice, amount, at from attempt where ended = 'paid'""",
    ),
    (
        "ledger_entry",
        """insert into ledger_entry (merchant_id, transfer, account, amount, receipt_id, invoice_id,
             posted_at)
           select m, md5(t || i)::uuid, account, sign * amount, case t when 'm' then i end, invoice, at
           from attempt, (values ('m', 'mpesa:174379', 1), ('m', 'receivable', -1),
             ('s', 'receivable', 1), ('s', 'income', -1)) e(t, account, sign)
           where ended = 'paid'""",
    ),
    (
        "audit_event",
        """insert into audit_event (merchant_id, seq, at, actor, action, subject_type, subject_id,
             details, prev_hash, hash)
           select m, 5 * (i - 1) + n, at + n * interval '1 s', 'bench', action, 'payment', i,
             case n when 1 then '{{}}' when 5 then jsonb_build_object('outcome', ended)
               else jsonb_build_object('before', before) end, '\\x00', '\\x00'
           from attempt, lateral (values (1, 'payment.created', null),
             (2, 'payment.sending', 'created'), (3, 'payment.pending', 'sending'),
             (4, 'payment.' || ended, 'pending'), (5, 'callback.settled', null))
               e(n, action, before)""",
    ),
    (
        "callback",
        """insert into callback (uid, merchant_id, payment_id, body_sealed, received_at, next_try_at,
             tries, settled_at, outcome)
           select md5('b' || i)::uuid, m, i, decode(repeat('00', 600), 'hex'), at, at, 0, at, ended
           from attempt where ended <> 'unconfirmed'""",
    ),
)
EVERYTHING = tuple(table for table, _ in STEPS)
# What a list of payments reads.
LISTED = ("merchant", "plan", "subscriber", "subscription", "invoice", "payment", "receipt")


def main() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        fill(connection, int(sys.argv[1]))


def fill(
    connection: psycopg.Connection, payments: int, tables: Collection[str] = EVERYTHING
) -> None:
    connection.execute("set session_replication_role = replica")  # no triggers, no look-ups
    _plan_the_history(connection, payments // OF_ONE)
    for table, sql in STEPS:
        if table in tables:
            began = monotonic()
            rows = connection.execute(sql.format()).rowcount
            connection.commit()
            print(f"{table:14} {rows:>12,} rows {monotonic() - began:7.1f} s", flush=True)
    connection.execute("reset session_replication_role")
    _finish(connection, tables)


def _plan_the_history(connection: psycopg.Connection, subscribers: int) -> None:
    known = {"subscribers": subscribers, "of_one": OF_ONE, "reasons": list(REASONS)}
    names = {"first": list(FIRST), "last": list(LAST)}
    for sql in (PERSONS, EACH, INVOICES):
        connection.execute(sql.format(**known, **names))


def _finish(connection: psycopg.Connection, tables: Collection[str]) -> None:
    for table in tables:
        newest = f"(select max(id) from {table})"
        connection.execute(f"select setval(pg_get_serial_sequence('{table}', 'id'), {newest})")
    connection.execute("drop table person, each, attempt")
    connection.commit()
    connection.autocommit = True
    connection.execute("vacuum analyze")
    connection.autocommit = False


if __name__ == "__main__":
    main()
