"""What waits at this moment. Each query walks a partial index whose rows are few, or stops at 10,000."""

# By merchant: silence that gets old, what never ended, what has no owner.
UNCONFIRMED = """select 'malipo_unconfirmed', count(p.id),
    jsonb_build_object('merchant', m.slug, 'older_than', a.name)
  from merchant m cross join (values ('5m', interval '5 minutes'), ('1h', interval '1 hour'),
      ('1d', interval '1 day')) a(name, age)
  left join payment p on p.merchant_id = m.id and p.status = 'unconfirmed'
    and p.created_at < cast(:now as timestamptz) - a.age
  group by m.slug, a.name"""
UNRECOVERED = """select 'malipo_unrecovered',
    (select count(*) from payment p where p.merchant_id = m.id and p.status = 'unconfirmed'
      and p.created_at < cast(:now as timestamptz) - interval '1 day')
    + (select count(*) from alert a where a.merchant_id = m.id and a.resolved_at is null
      and a.kind = 'no_answer'),
    jsonb_build_object('merchant', m.slug) from merchant m"""
SUSPENSE = """select 'malipo_suspense_shillings', coalesce(-sum(l.amount), 0),
    jsonb_build_object('merchant', m.slug)
  from merchant m left join ledger_entry l on l.merchant_id = m.id and l.account = 'suspense'
  group by m.slug"""
ALERTS = """select 'malipo_open_alerts', count(*), jsonb_build_object('kind', kind)
  from alert where resolved_at is null group by kind"""
PARKED = """select 'malipo_callbacks_parked', count(*), '{}'::jsonb
  from callback where parked_at is not null and settled_at is null"""

# Work is a row with a due time (design.md §1); its age is how late it is.
WORK = """with due(kind, at) as (
    (select 'prompts', created_at from payment where status = 'created' limit 10000)
    union all (select 'callbacks', next_try_at from callback where settled_at is null
      and parked_at is null and next_try_at <= :now order by next_try_at limit 10000)
    union all (select 'questions', next_question_at from payment
      where question_rank in (0, 1, 2) and next_question_at <= :now limit 10000)
    union all (select 'renewals', ask_after from renewal where done_at is null
      and ask_after <= :now order by ask_after limit 10000)
    union all (select 'alert_messages', next_try_at from alert_message where sent_at is null
      and next_try_at <= :now order by next_try_at limit 10000)),
  kinds as (select k.kind, count(d.at) as waiting,
      coalesce(extract(epoch from cast(:now as timestamptz) - min(d.at)), 0) as age
    from unnest(array['prompts', 'callbacks', 'questions', 'renewals', 'alert_messages']) k(kind)
    left join due d using (kind) group by k.kind)
  select f.metric, f.value, jsonb_build_object('kind', kind) from kinds, lateral (values
    ('malipo_work_due', waiting::float), ('malipo_work_oldest_seconds', greatest(0, age)::float))
    f(metric, value)"""
OUTBOX = """select f.metric, f.value, jsonb_build_object('channel', c.channel)
  from unnest(array['mail', 'webhook']) c(channel)
  cross join lateral (select count(*) as unsent, min(created_at) as oldest from alert_message m
    where m.channel = c.channel and m.sent_at is null) o
  cross join lateral (values ('malipo_outbox_unsent', o.unsent::float),
    ('malipo_outbox_oldest_seconds',
      coalesce(extract(epoch from cast(:now as timestamptz) - o.oldest), 0)::float)) f(metric, value)"""

# The house itself.
# None at all: no scheduler has ever been there.
BEAT = """select 'malipo_scheduler_beat_age_seconds', greatest(0, coalesce(
    extract(epoch from cast(:now as timestamptz) - max(at))::float, 'Infinity')), '{}'::jsonb
  from beat where name = 'scheduler'"""
BOOKS = """select 'malipo_invariant_violations', wrong, jsonb_build_object('rule', rule)
  from books_check
  union all select 'malipo_books_check_age_seconds',
    greatest(0, extract(epoch from cast(:now as timestamptz) - min(checked_at))), '{}'
  from books_check having count(*) > 0"""
CHAINS = """select 'malipo_audit_chains_broken', count(*) filter (where wrong is not null), '{}'::jsonb
  from chain_check"""
INCIDENTS = """select 'malipo_incidents_open', count(*), jsonb_build_object('condition', condition)
  from incident where closed_at is null group by condition"""
PASSWORDS = """select 'malipo_initiator_password_age_days', extract(epoch from
      cast(:now as timestamptz) - (secret_facts #>> '{initiator_password,set_at}')::timestamptz) / 86400,
    jsonb_build_object('merchant', slug)
  from merchant where secret_facts ? 'initiator_password'"""
MIGRATION = """select 'malipo_migration_info', 1, jsonb_build_object('revision', version_num)
  from alembic_version"""

ALL = (
    UNCONFIRMED,
    UNRECOVERED,
    SUSPENSE,
    ALERTS,
    PARKED,
    WORK,
    OUTBOX,
    BEAT,
    BOOKS,
    CHAINS,
    INCIDENTS,
    PASSWORDS,
    MIGRATION,
)
