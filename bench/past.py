"""Twelve months of history as statements: what `grow.py` runs, in its order.

A subscriber of one of three merchants pays five months. In one of them the first try fails and the
second, three minutes later, is paid; one in eight stops there, with an invoice that stays open.
Nobody's number is sealed here: a blob of the right length stands for it.
"""

OF_ONE = 6  # payments of one subscriber
EVENTS = 5  # of one payment: those that the rules of the books read, of the eight that there are
FIRST = ("Wanjiru", "Otieno", "Achieng", "Kiprono", "Mwende", "Hassan", "Njeri", "Barasa", "Fatuma")
LAST = ("Kamau", "Ouma", "Odhiambo", "Cheruiyot", "Mutua", "Abdi", "Mwangi", "Wekesa", "Ali", "Koech")  # fmt: skip
# Of twenty failures: the reason, and Safaricom's number for it.
REASONS = (
    *[("insufficient_funds", "1")] * 6,
    *[("cancelled", "1032"), ("expired", "1037")] * 4,
    *[("unreachable", "1037")] * 3,
    *[("wrong_pin", "2001"), ("busy", "1001"), ("merchant_problem", "500.001.1001")],
)
BODIES_STAY = 91  # days: those of one night wait for `flask retention`

# Nine in ten are merchant 1's. A day of Nairobi's is cut ten minutes short: no second try is on another.
# The last of their fifth months begin today, before now.
PERSONS = f"""create unlogged table grown_person as
    select s, m, 4 * (m - 1) + p as plan, (array[500, 250, 1499, 2999])[p] as price,
      s % 8 = 1 as quits, case s % 8 when 1 then 4 else s / 8 % 5 end as stumbles,
      first_day + day * interval '1 day' + second * interval '1 second'
        * case day when days then extract(epoch from so_far) / 86400 else 1 end as start,
      case when s % 10 < 7 then
        (array{list(FIRST)})[s * 7 % 9 + 1] || ' ' || chr(65 + s / 9 % 26) || chr(97 + s / 234 % 26)
        || ' ' || (array{list(LAST)})[s * 3 % 10 + 1] end as name
    from generate_series(1, {{subscribers}}) s,
      (select first_day, extract(day from now() - interval '4 months' - first_day)::int as days,
          now() - date_trunc('day', now()) - interval '5 minutes' as so_far
        from (select date_trunc('day', now()) - interval '12 months' as first_day) x) span,
      lateral (select s::bigint * 7919 % (days + 1) as day, s::bigint * 104729 % 85800 as second) y,
      lateral (select case when s % 20 < 18 then 1 when s % 20 = 18 then 2 else 3 end as m,
        (array[1, 1, 1, 1, 1, 2, 2, 3, 3, 4])[s / 7 % 10 + 1] as p) what"""
# In the order of time, as if they had come one by one; `im` counts a merchant's own.
EACH = f"""create unlogged table grown_each as
    select row_number() over (partition by m order by at, s) as im,
      row_number() over (order by at, s) as i, *
    from (select s, m, plan, n, stumbles, at, at + (9 + s % 50) * interval '1 second' as over,
        case period when 0 then price * 9 / 10 else price end as amount,
        case when n = stumbles then 'failed' when not quits or n < stumbles then 'paid'
          when s % 16 = 1 and at > now() - interval '1 day' then 'unconfirmed' else 'failed' end as ended
      from grown_person, generate_series(0, {OF_ONE - 1}) n,
        lateral (select case when n > stumbles then n - 1 else n end as period) p,
        lateral (select start + period * interval '1 month'
          + case when n > stumbles then interval '3 minutes' else '0' end as at) a) x order by i"""
# The second try is at the invoice of the first.
ATTEMPTS = f"""create unlogged table grown_attempt as
    select e.*, coalesce(f.i, e.i) as invoice,
      case e.ended when 'failed' then (array{[r for r, _ in REASONS]})[e.s * 31 % 20 + 1] end as reason,
      case e.ended when 'failed' then (array{[c for _, c in REASONS]})[e.s * 31 % 20 + 1] end as code
    from grown_each e left join grown_each f on e.n = e.stumbles + 1 and f.n = f.stumbles and f.s = e.s
    order by e.i"""
INVOICED = """create unlogged table grown_invoice as
    select invoice, m, s, min(amount) as amount, min(at) as at,
      max(over) filter (where ended = 'paid') as paid
    from grown_attempt group by invoice, m, s order by invoice"""
PLOT = (PERSONS, EACH, ATTEMPTS, INVOICED)
PLOTTED = ("grown_person", "grown_each", "grown_attempt", "grown_invoice")


def _blob(length: int) -> str:
    """Sealed under a key that nobody has: it takes as much room, and does not open."""
    return f"decode('01026b30' || repeat('5a', {length - 4}), 'hex')"


def _digest(what: str) -> str:
    return f"sha256(({what})::text::bytea)"


def _hidden(what: str) -> str:
    """As long as a hidden token, and not taken for one."""
    return f"encode({_digest(what)}, 'hex') || '0'"


# The plots are in order, and are read so.
STEPS = (
    (
        "merchant",
        """insert into merchant (id, slug, name, shortcode, created_at) overriding system value
           select m, 'grown-' || m, 'Grown ' || m, 600000 + m, now() from generate_series(2, 3) m""",
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
        f"""insert into subscriber (id, merchant_id, token, phone_index, phone_sealed, name, language,
             created_at)
           overriding system value
           select s, m, md5('s' || s), {_digest("s")}, {_blob(44)}, name, 'en', start
           from grown_person""",
    ),
    (
        "subscription",
        """insert into subscription (id, merchant_id, token, subscriber_id, plan_id, anchor_day,
             paid_through, created_at)
           overriding system value
           select s, m, md5('u' || s), s, plan, extract(day from start), paid_through, start
           from grown_person join (select s, max(paid + interval '1 month') as paid_through
             from grown_invoice group by s) i using (s)""",
    ),
    (
        "invoice",
        """insert into invoice (id, merchant_id, subscription_id, reference, amount, created_at, paid_at,
             period_start, period_end)
           overriding system value
           select invoice, m, s, 'B-' || invoice, amount, at, paid, paid, paid + interval '1 month'
           from grown_invoice""",
    ),
    (
        "payment",
        f"""insert into payment (id, merchant_id, invoice_id, plan_id, token, hook_hash, attempt, method,
             shortcode, amount, phone_index, phone_sealed, address_index, status, reason, code,
             checkout_index, checkout_sealed, created_at, sending_at, accepted_at, ended_at, paid_at,
             verified_by, question_rank, questions, hurries, rechecks, last_question_at, answered_at)
           overriding system value
           select i, m, invoice, plan, {_hidden("'p' || i")}, {_digest("'h' || i")},
             {_hidden("'a' || i")}, 'stk', case m when 1 then 174379 else 600000 + m end, amount,
             {_digest("s")}, {_blob(44)}, {_digest("'n' || s % (s / 3 + 1)")}, ended, reason, code,
             {_digest("'c' || i")}, {_blob(68)}, at, at + interval '1 s', at + interval '2 s',
             case when ended <> 'unconfirmed' then over end, case ended when 'paid' then over end,
             case ended when 'paid' then 'query' end, 1, 1, 0, 0, over, over
           from grown_attempt""",
    ),
    (
        "receipt",
        """insert into receipt (id, merchant_id, payment_id, subscriber_id, code, amount, source, paid_at,
             created_at)
           overriding system value
           select i, m, i, s, 'B' || lpad(i::text, 9, '0'), amount, 'callback', over, over
           from grown_attempt where ended = 'paid'""",
    ),
    (
        "allocation",
        """insert into allocation (merchant_id, receipt_id, invoice_id, amount, created_at)
           select m, i, invoice, amount, over from grown_attempt where ended = 'paid'""",
    ),
    (
        "ledger_entry",
        """insert into ledger_entry (merchant_id, transfer, account, amount, receipt_id, invoice_id,
             posted_at)
           select m, md5(t || i)::uuid,
             case account when 'mpesa' then 'mpesa:' || case m when 1 then 174379 else 600000 + m end
               else account end,
             sign * amount, case t when 'm' then i end, invoice, over
           from grown_attempt, (values ('m', 'mpesa', 1), ('m', 'receivable', -1),
             ('s', 'receivable', 1), ('s', 'income', -1)) e(t, account, sign)
           where ended = 'paid'""",
    ),
    (
        "callback",
        f"""insert into callback (id, uid, merchant_id, payment_id, body_sealed, address, received_at,
             next_try_at, tries, settled_at, outcome)
           overriding system value
           select i, md5('b' || i)::uuid, m, i, case when over > now() - {BODIES_STAY} * interval '1 day'
             then {_blob(540)} end, '196.201.214.200', over, over, 0, over, ended
           from grown_attempt""",
    ),
    (
        "audit_event",
        f"""insert into audit_event (merchant_id, seq, at, actor, action, subject_type, subject_id,
             details, prev_hash, hash)
           select m, seq, case when step < 4 then at + (step - 1) * interval '1 s' else over end,
             actor, action, 'payment', i, details, {_digest("m || '-' || seq - 1")},
             {_digest("m || '-' || seq")}
           from grown_attempt, lateral (values
             (1, 'customer', 'payment.created', jsonb_build_object('amount', amount)),
             (2, 'worker', 'payment.sending', jsonb_build_object('before', 'created')),
             (3, 'safaricom', 'payment.pending', jsonb_build_object('before', 'sending')),
             (4, 'safaricom', 'payment.' || ended, jsonb_build_object('before', 'pending') || case ended
               when 'paid' then jsonb_build_object('source', 'callback', 'late', false)
               else jsonb_build_object('reason', reason, 'code', code) end),
             (5, 'safaricom', 'callback.settled', jsonb_build_object('callback', i, 'outcome', ended)))
               event(step, actor, action, details),
             lateral (select {EVENTS} * (im - 1) + step as seq) numbered""",
    ),
    (
        "audit_head",
        f"""insert into audit_head (merchant_id, seq, hash)
           select m, {EVENTS} * max(im), {_digest(f"m || '-' || {EVENTS} * max(im)")}
           from grown_attempt group by m
           on conflict (merchant_id) do update set seq = excluded.seq, hash = excluded.hash""",
    ),
    # What went on all the time: these events are in the running totals.
    (
        "counted",
        """insert into counted (merchant_id, seq) select merchant_id, seq from audit_head""",
    ),
)
