"""How it went in the last minutes, by merchant: of each window the newest five hundred attempts.

A window ends some minutes ago, where an attempt can be expected to have come to something. Five
hundred say as much as a million would, and are read in milliseconds by the index of the lists (ADR 10).
"""

from app.daraja import Reason
from app.desk.tally import EXCUSED

OURS_OR_THEIRS = (Reason.MERCHANT_PROBLEM, Reason.PUSH_FAILED, Reason.BUSY)


def _words(reasons: tuple[Reason, ...]) -> str:
    return ", ".join(f"'{reason}'" for reason in reasons)


def _newest(since: str, until: str) -> str:
    """`p`, of each merchant `m`."""
    return f"""merchant m cross join lateral (select * from payment p
      where p.merchant_id = m.id and p.created_at >= cast(:now as timestamptz) - interval '{since}'
        and p.created_at < cast(:now as timestamptz) - interval '{until}'
      order by p.created_at desc, p.id desc limit 500) p"""  # noqa: S608 - our own words


# Of half an hour, read once for three questions.
# Technical success: silence counts as failure, for after two minutes a customer waits in front of it.
# Somebody who tries numbers, or bothers their owners: mobile networks hide many customers behind one
# address, so attempts that are paid speak for it. The address is known to us by its index only.
# The night in Nairobi, from one to five.
ATTEMPTS = f"""with seen as materialized (
    select m.slug, p.status, p.reason, p.address_index, p.phone_index, p.created_at
    from {_newest("32 minutes", "2 minutes")}),
  success as (select slug, count(*) filter (where status = 'paid') as paid, count(*) filter (where
      status in ('paid', 'unconfirmed') or status = 'failed' and reason not in ({_words(EXCUSED)}))
      as attempts from seen group by slug),
  addresses as (select count(distinct phone_index) as phones,
      count(*) filter (where status = 'failed') as failed
    from seen where address_index is not null group by address_index
    having not bool_or(status = 'paid'))
  select f.metric, f.value, jsonb_build_object('merchant', slug) from success, lateral (values
    ('malipo_technical_attempts', attempts::float),
    ('malipo_technical_success_ratio', paid::float / nullif(attempts, 0))) f(metric, value)
  where f.value is not null
  union all select f.metric, f.value, '{{}}' from (select coalesce(max(failed), 0) as failed,
    coalesce(max(phones), 0) as phones from addresses) worst, lateral (values
    ('malipo_worst_address_failures', failed::float),
    ('malipo_worst_address_phones', phones::float)) f(metric, value)
  union all select 'malipo_night_attempts_unpaid', count(*), jsonb_build_object('merchant', slug)
  from seen where status <> 'paid'
    and extract(hour from created_at at time zone 'Africa/Nairobi') between 1 and 4
  group by slug"""  # noqa: S608 - our own words
# Whether Safaricom's message about an accepted prompt has come at all, whatever it said.
RECEIPTS = f"""with seen as (select m.slug, count(*) as expected, count(*) filter (where exists (
      select from callback c where c.payment_id = p.id)) as came
    from {_newest("63 minutes", "3 minutes")} where p.accepted_at is not null group by m.slug)
  select f.metric, f.value, jsonb_build_object('merchant', slug) from seen, lateral (values
    ('malipo_callbacks_expected', expected::float),
    ('malipo_callback_receipt_ratio', came::float / expected)) f(metric, value)"""  # noqa: S608
SILENCE = f"""with seen as (select m.slug, count(*) as prompts, count(*) filter (where exists (
      select from callback c where c.payment_id = p.id)) as came
    from {_newest("6 minutes", "1 minute")} where p.accepted_at is not null group by m.slug)
  select f.metric, f.value, jsonb_build_object('merchant', slug) from seen, lateral (values
    ('malipo_recent_prompts', prompts::float),
    ('malipo_recent_prompts_answered', came::float)) f(metric, value)"""  # noqa: S608
# Pushes that Safaricom neither accepted nor refused for the customer's own reason, and questions
# that got no answer. (Reversals and payouts, B2C, are not asked for by this application yet.)
API = f"""with seen as (select m.slug, count(*) filter (where p.sending_at is not null) as pushes,
      count(*) filter (where p.sending_at is not null and p.accepted_at is null and
        (p.status = 'unconfirmed' or p.reason in ({_words(OURS_OR_THEIRS)}))) as lost,
      count(*) filter (where asked) as questions,
      count(*) filter (where asked and coalesce(p.answered_at < p.last_question_at, true)) as unanswered
    from {_newest("16 minutes", "1 minute")}, lateral (select p.checkout_index is not null
      and p.last_question_at < cast(:now as timestamptz) - interval '1 minute' as asked) q
    group by m.slug)
  select f.metric, f.value, jsonb_build_object('merchant', slug, 'api', f.api) from seen, lateral (values
    ('malipo_api_calls', 'push', pushes::float),
    ('malipo_api_error_ratio', 'push', lost::float / nullif(pushes, 0)),
    ('malipo_api_calls', 'query', questions::float),
    ('malipo_api_error_ratio', 'query', unanswered::float / nullif(questions, 0)))
    f(metric, api, value) where f.value is not null"""  # noqa: S608 - our own words

ALL = (ATTEMPTS, RECEIPTS, SILENCE, API)
