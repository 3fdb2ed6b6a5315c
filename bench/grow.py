"""Fill a migrated, empty database with a believable history, set by set.

    DATABASE_URL=postgresql://… .venv/bin/python bench/grow.py 1000000

Each subscriber has four paid months and one cancelled try at a fifth. Rows keep every money rule, so
`flask check-books` has to read them all and finds nothing. Two things are not real, for speed: the
sealed columns do not open, and the audit's hashes are blank (`flask verify-audit` says so).
"""

import os
import sys
from time import monotonic

import psycopg

OF_ONE = 5  # payments of one subscriber; the last of them fails

STEPS = (
    (
        "plan",
        """insert into plan (id, merchant_id, code, name, price, unit, every, created_at)
           overriding system value values (1, 1, 'standard', 'Standard', 500, 'month', 1, now())""",
    ),
    (
        "subscriber",
        """insert into subscriber (id, merchant_id, token, phone_index, phone_sealed, created_at)
           overriding system value
           select s, 1, 's' || s, sha256(s::text::bytea), '\\x01', {start}
           from generate_series(1, {subscribers}) s""",
    ),
    (
        "subscription",
        """insert into subscription (id, merchant_id, token, subscriber_id, plan_id, anchor_day,
             paid_through, created_at)
           overriding system value
           select s, 1, 'u' || s, s, 1, 10, {start} + 4 * interval '1 month', {start}
           from generate_series(1, {subscribers}) s""",
    ),
    (
        "invoice",
        """insert into invoice (id, merchant_id, subscription_id, reference, amount, created_at, paid_at,
             period_start, period_end)
           overriding system value
           select i, 1, s, 'B-' || i, 500, at, case when k < 4 then at end,
             case when k < 4 then {start} + k * interval '1 month' end,
             case when k < 4 then {start} + (k + 1) * interval '1 month' end
           from {each}""",
    ),
    (
        "payment",
        """insert into payment (id, merchant_id, invoice_id, token, hook_hash, attempt, method, amount,
             phone_index, phone_sealed, status, reason, checkout_index, created_at, sending_at,
             accepted_at, ended_at, paid_at, verified_by, question_rank, questions, hurries, rechecks)
           overriding system value
           select i, 1, i, 'p' || i, sha256(('h' || i)::bytea), 'a' || i, 'stk', 500,
             sha256(s::text::bytea), '\\x01', case when k < 4 then 'paid' else 'failed' end,
             case when k = 4 then 'cancelled' end, sha256(('c' || i)::bytea), at, at, at,
             at + interval '20 s', case when k < 4 then at + interval '20 s' end,
             case when k < 4 then 'query' end, 1, 1, 0, 0
           from {each}""",
    ),
    (
        "receipt",
        """insert into receipt (id, merchant_id, payment_id, subscriber_id, code, amount, source, paid_at,
             created_at)
           overriding system value
           select i, 1, i, s, 'B' || lpad(i::text, 9, '0'), 500, 'callback', at, at
           from {each} where k < 4""",
    ),
    (
        "allocation",
        """insert into allocation (merchant_id, receipt_id, invoice_id, amount, created_at)
           select 1, i, i, 500, at from {each} where k < 4""",
    ),
    (
        "ledger_entry",
        """insert into ledger_entry (merchant_id, transfer, account, amount, receipt_id, invoice_id,
             posted_at)
           select 1, md5(t || i)::uuid, account, amount, case when t = 'm' then i end, i, at
           from {each}, (values ('m', 'mpesa:174379', 500), ('m', 'receivable', -500),
             ('s', 'receivable', 500), ('s', 'income', -500)) e(t, account, amount)
           where k < 4""",
    ),
    (
        "audit_event",
        """insert into audit_event (merchant_id, seq, at, actor, action, subject_type, subject_id,
             details, prev_hash, hash)
           select 1, 5 * (i - 1) + n, at + n * interval '1 s', 'bench', a.action, 'payment', i,
             case n when 1 then '{{}}' when 5 then jsonb_build_object('outcome', a.ended)
               else jsonb_build_object('before', before) end, '\\x00', '\\x00'
           from {each}, (values (1, 'payment.created', null), (2, 'payment.sending', 'created'),
             (3, 'payment.pending', 'sending'), (4, null, 'pending'),
             (5, 'callback.settled', null)) e(n, plain, before),
             lateral (select case when k < 4 then 'paid' else 'failed' end as ended) b,
             lateral (select coalesce(plain, 'payment.' || b.ended) as action, b.ended) a""",
    ),
    (
        "callback",
        """insert into callback (uid, merchant_id, payment_id, body_sealed, received_at, next_try_at,
             tries, settled_at, outcome)
           select md5('b' || i)::uuid, 1, i, decode(repeat('00', 600), 'hex'), at, at, 0, at, 'paid'
           from {each}""",
    ),
)
# The tenth of a month at some time of the day: no month is too short for it.
START = (
    "(timestamp '2026-01-10 06:00' + s % 600 * interval '1 minute') at time zone 'Africa/Nairobi'"
)


def main() -> None:
    count = int(sys.argv[1]) // OF_ONE * OF_ONE
    each = (
        "(select i, s, k, " + START + " + k * interval '1 month' as at from generate_series(1, "
        f"{count}) i, lateral (select (i - 1) / {OF_ONE} + 1 as s, (i - 1) % {OF_ONE} as k) x) each"
    )
    names = {"start": START, "subscribers": count // OF_ONE, "each": each}
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("set session_replication_role = replica")  # no triggers, no look-ups
        for table, sql in STEPS:
            began = monotonic()
            rows = connection.execute(sql.format(**names)).rowcount
            connection.commit()
            print(f"{table:14} {rows:>12,} rows {monotonic() - began:7.1f} s", flush=True)
    finish()


def finish() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for table, _ in STEPS:
            move = f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))"
            connection.execute(move)
        connection.execute("vacuum analyze")


if __name__ == "__main__":
    main()
