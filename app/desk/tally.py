"""How payments are counted, as SQL: one statement reads each payment of some days once.

What its columns mean is in app/desk/figures.py.
"""

from datetime import date
from functools import cache
from typing import Any

from app.daraja import Reason
from app.desk.days import DAY, midnight
from app.desk.figure_models import DayFigure

WALLET = (Reason.INSUFFICIENT_FUNDS, Reason.WRONG_PIN, Reason.PIN_LOCKED, Reason.LIMIT)
EXCUSED = (*WALLET, Reason.CANCELLED)
AT_THE_PHONE = (*EXCUSED, Reason.EXPIRED)
MOST_ATTEMPTS = 3  # the third stands for all that follow
COUNTS = tuple(c.name for c in DayFigure.__table__.columns if not c.primary_key)


def _seconds(until: str) -> str:
    """To the second for a minute, then coarser: enough for medians, and few rows for a day."""
    seconds = f"date_part('epoch', {until} - p.accepted_at)"
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
# By kind, what a payment is counted under; the last two look for other rows of each payment.
KEYED = {
    "hour": "extract(hour from p.created_at at time zone 'Africa/Nairobi')::int",
    "plan": "p.plan_id",
    "cause": "p.reason || '|' || coalesce(p.code, '')",
    "seconds": _seconds("p.paid_at"),
    "attempt": f"""least({MOST_ATTEMPTS}, 1 + (select count(*) from payment e
      where e.invoice_id = p.invoice_id and e.created_at < p.created_at))""",  # noqa: S608 - our own words
    "delay": _seconds("m.heard_at"),
}
HEARD = """left join lateral (select min(received_at) as heard_at from callback c
    where c.payment_id = p.id and p.status = 'paid') m on true"""
KINDS = ("total", "collected", *KEYED)
# The limit keeps the receipts from being joined whole: of a day that is not over PostgreSQL expects too much.
PAYMENTS = """select (p.created_at at time zone 'Africa/Nairobi')::date as day,
    p.reason, p.status = 'paid' as paid, r.amount, r.source = 'query' as by_asking,
    p.status = 'paid' and exists (select from audit_event a
      where a.merchant_id = p.merchant_id and a.subject_id = p.id
      and a.action = 'payment.paid' and (a.details ->> 'late')::boolean) as late{keyed}
  from payment p
  left join lateral (select amount, source from receipt where payment_id = p.id limit 1) r on true {heard}
  where p.merchant_id = :merchant_id and p.created_at >= :since and p.created_at < :until"""
# What was collected has no attempts: only its sum, and of how many receipts.
COLLECTED = ", ".join({"paid": "count(*)", "shillings": "sum(amount)"}.get(n, "0") for n in COUNTS)


@cache
def fresh(kinds: tuple[str, ...] = KINDS) -> str:
    """Each payment of the days costs what these kinds ask of it: all of them, three times the usual few."""
    keyed = [kind for kind in KEYED if kind in kinds]
    columns = "".join(f", {KEYED[kind]} as {kind}" for kind in keyed)
    payments = PAYMENTS.format(keyed=columns, heard=HEARD if "delay" in keyed else "")
    return f"""select kind, day, key, {", ".join(COUNTS)} from (
    select {_grouped(keyed, "'{}'", "'total'")} as kind, day,
      {_grouped(keyed, "{}::text", "''")} as key, {SUMS}
    from ({payments}) payments
    group by grouping sets ((day){"".join(f", (day, {kind})" for kind in keyed)})) sums
  where key is not null
  union all
  select 'collected', (paid_at at time zone 'Africa/Nairobi')::date, '', {COLLECTED}
  from receipt where merchant_id = :merchant_id and paid_at >= :since and paid_at < :until
  group by 2"""  # noqa: S608 - our own words


def _grouped(keyed: list[str], shown: str, otherwise: str) -> str:
    """Which of the grouping sets a row is of."""
    if not keyed:
        return otherwise
    cases = (f"when grouping({kind}) = 0 then {shown.format(kind)}" for kind in keyed)
    return f"case {' '.join(cases)} else {otherwise} end"


MARKS = {"wallet": list(WALLET), "excused": list(EXCUSED), "at_the_phone": list(AT_THE_PHONE)}


def between(merchant_id: int, first: date, last: date) -> dict[str, Any]:
    """The parameters of `fresh`."""
    times = {"since": midnight(first), "until": midnight(last + DAY)}
    return {"merchant_id": merchant_id, **times, **MARKS}
