"""How payments are counted, as SQL: one statement reads each payment of some days once.

What its columns mean is in app/desk/figures.py.
"""

from datetime import date
from typing import Any

from app.daraja import Reason
from app.desk.days import DAY, midnight
from app.desk.figure_models import DayFigure

WALLET = (Reason.INSUFFICIENT_FUNDS, Reason.WRONG_PIN, Reason.PIN_LOCKED, Reason.LIMIT)
EXCUSED = (*WALLET, Reason.CANCELLED)
AT_THE_PHONE = (*EXCUSED, Reason.EXPIRED)
MOST_ATTEMPTS = 3  # the third stands for all that follow
COUNTS = tuple(c.name for c in DayFigure.__table__.columns if not c.primary_key)


def _bucket(seconds: str) -> str:
    """To the second for a minute, then coarser: enough for medians, and few rows for a day."""
    return f"""case when {seconds} < 60 then floor(greatest({seconds}, 0))
      when {seconds} < 300 then floor({seconds} / 5) * 5
      when {seconds} < 3600 then floor({seconds} / 60) * 60
      else floor({seconds} / 3600) * 3600 end::int"""


SUMS = """count(*) as asked,
  count(*) filter (where paid or reason = any(:at_the_phone)) as reached,
  count(*) filter (where paid or reason = any(:wallet)) as typed,
  count(*) filter (where paid or reason is not null) as ended,
  count(*) filter (where reason = any(:excused)) as excused,
  count(*) filter (where paid) as paid,
  coalesce(sum(amount), 0)::bigint as shillings,
  count(*) filter (where by_asking) as by_asking,
  count(*) filter (where late) as late,
  coalesce(sum(amount) filter (where late), 0)::bigint as late_shillings"""
PAYMENTS = f"""select (p.created_at at time zone 'Africa/Nairobi')::date as day,
    extract(hour from p.created_at at time zone 'Africa/Nairobi')::int as hour,
    p.plan_id, p.reason, p.status = 'paid' as paid, r.amount,
    least({MOST_ATTEMPTS}, 1 + (select count(*) from payment e
      where e.invoice_id = p.invoice_id and e.created_at < p.created_at)) as attempt,
    p.reason || '|' || coalesce(p.code, '') as cause,
    {_bucket("extract(epoch from p.paid_at - p.accepted_at)")} as seconds,
    {_bucket("extract(epoch from m.heard_at - p.accepted_at)")} as delay,
    r.source = 'query' as by_asking,
    p.status = 'paid' and exists (select from audit_event a
      where a.merchant_id = p.merchant_id and a.subject_id = p.id
      and a.action = 'payment.paid' and (a.details ->> 'late')::boolean) as late
  from payment p
  left join receipt r on r.payment_id = p.id
  left join lateral (select min(received_at) as heard_at from callback c
    where c.payment_id = p.id and p.status = 'paid') m on true
  where p.merchant_id = :merchant_id and p.created_at >= :since and p.created_at < :until"""  # noqa: S608 - our own words
KEYED = ("hour", "plan_id", "attempt", "cause", "seconds", "delay")
KINDS = ("total", "collected", "hour", "plan", "attempt", "cause", "seconds", "delay")
# What was collected has no attempts: only its sum, and of how many receipts.
COLLECTED = ", ".join({"paid": "count(*)", "shillings": "sum(amount)"}.get(n, "0") for n in COUNTS)
FRESH = f"""select kind, day, key, {", ".join(COUNTS)} from (
    select case {" ".join(f"when grouping({k}) = 0 then '{k.removesuffix('_id')}'" for k in KEYED)}
        else 'total' end as kind, day,
      case {" ".join(f"when grouping({k}) = 0 then {k}::text" for k in KEYED)} else '' end as key,
      {SUMS}
    from ({PAYMENTS}) payments
    group by grouping sets ((day), {", ".join(f"(day, {k})" for k in KEYED)})) sums
  where key is not null
  union all
  select 'collected', (paid_at at time zone 'Africa/Nairobi')::date, '', {COLLECTED}
  from receipt where merchant_id = :merchant_id and paid_at >= :since and paid_at < :until
  group by 2"""  # noqa: S608 - our own words
MARKS = {"wallet": list(WALLET), "excused": list(EXCUSED), "at_the_phone": list(AT_THE_PHONE)}


def between(merchant_id: int, first: date, last: date) -> dict[str, Any]:
    """The parameters of FRESH."""
    times = {"since": midnight(first), "until": midnight(last + DAY)}
    return {"merchant_id": merchant_id, **times, **MARKS}
