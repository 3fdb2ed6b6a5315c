"""Totals that only rise, of all processes together, whichever is asked.

What leaves an event is counted from the audit log: it has no gaps, and its numbers follow the order
of commits, so that each event is in the totals once. What leaves no row is added one by one.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import RowMapping, or_, select, text
from sqlalchemy.dialects.postgresql import Insert, insert

from app.audit import AuditHead
from app.extensions import db
from app.watching.models import Counted, RunningTotal

AT_ONCE = 20_000  # events of one merchant in one transaction
BOUNDS = (2, 5, 10, 20, 30, 45, 60, 90, 120, 300)  # seconds from push to message
PUSHES, ANSWERS, QUESTIONS, ENDED = "pushes", "answers", "questions", "ended"
DELAY, DELAY_SUM = "push_to_callback", "push_to_callback_ms"
REFRESHES, REFUSALS = "token_refreshes", "limit_refusals"

FRESH = {"populate_existing": True}
Key = tuple[str, str]

# The join tells a push that was refused from a prompt that failed: only the latter was accepted.
NEWS = """with news as materialized (
    select e.id, e.action, e.actor, e.details, p.id as payment_id, p.accepted_at
    from audit_event e join payment p on p.id = e.subject_id
    where e.merchant_id = :merchant_id and e.seq > :after and e.seq <= :until
      and e.subject_type = 'payment'
      and (e.action like 'payment.%' or e.action like 'question.%' or e.action = 'callback.settled')),
  answered as (
    select case when action = 'payment.pending' and actor = 'safaricom'
          and details ->> 'by' is null then 'push|0'
        when action = 'payment.failed' and actor = 'safaricom' and accepted_at is null
          then 'push|' || coalesce(nullif(details ->> 'code', ''), 'none')
        when action = 'payment.unconfirmed' and details ->> 'why' = 'no answer to the push'
          then 'push|none'
        when action = 'question.answered'
          then 'query|' || coalesce(nullif(details ->> 'code', ''), 'none')
        when action = 'question.throttled' then 'query|throttled'
        when action = 'callback.settled' and details ->> 'outcome' = 'failed' then 'callback|'
          || coalesce((select f.details ->> 'code' from audit_event f where f.id < news.id
            and f.subject_type = 'payment' and f.subject_id = payment_id
            and f.action = 'payment.failed' order by f.id desc limit 1), 'none')
        when action = 'callback.settled' then 'callback|' || case details ->> 'outcome'
          when 'paid' then '0' else 'other' end
      end as label from news),
  delays as (
    select greatest(0, extract(epoch from c.received_at - n.accepted_at)) as seconds
    from news n join callback c on c.id = (n.details ->> 'callback')::bigint
    where n.action = 'callback.settled' and n.accepted_at is not null and not exists (
      select from callback e where e.payment_id = n.payment_id and e.id < c.id))
  select 'pushes' as name, '' as label, count(*) as value from news where action = 'payment.sending'
  union all select 'questions', '', count(*) from news
    where action in ('question.answered', 'question.throttled')
  union all select 'answers', case when label ~ '^[a-z]+\\|[A-Za-z0-9_. ]{1,24}$' then label
      else split_part(label, '|', 1) || '|other' end, count(*)
    from answered where label is not null group by 2
  union all select 'ended', split_part(action, '.', 2) || '|' || coalesce(details ->> 'reason', ''),
      count(*)
    from news where action in ('payment.paid', 'payment.failed') group by 2
  union all select 'push_to_callback', coalesce((select min(b) from unnest(:bounds) b
      where seconds <= b)::text, '+Inf'), count(*) from delays group by 2
  union all select 'push_to_callback_ms', '', coalesce(sum(1000 * seconds), 0)::bigint from delays"""


def behind() -> list[int]:
    """The merchants whose log has grown since it was counted."""
    fewer = or_(Counted.seq.is_(None), Counted.seq < AuditHead.seq)
    query = select(AuditHead.merchant_id).outerjoin(
        Counted, Counted.merchant_id == AuditHead.merchant_id
    )
    return list(db.session.scalars(query.where(fewer).order_by(AuditHead.merchant_id)))


def count(merchant_id: int) -> None:
    """Adds the next events to the totals, together with the note that they are in. Commit each."""
    begun = insert(Counted).values(merchant_id=merchant_id, seq=0)
    db.session.execute(begun.on_conflict_do_nothing())
    mine = select(Counted).where(Counted.merchant_id == merchant_id).with_for_update()
    counted = db.session.scalars(mine, execution_options=FRESH).one()
    head = db.session.scalar(select(AuditHead.seq).where(AuditHead.merchant_id == merchant_id)) or 0
    until = min(head, counted.seq + AT_ONCE)
    asked = {"merchant_id": merchant_id, "after": counted.seq, "until": until}
    rows = db.session.execute(text(NEWS), asked | {"bounds": list(BOUNDS)}).mappings()
    counted.seq = until
    if news := _more(rows):
        db.session.execute(added(news))


def _more(rows: Iterable[RowMapping]) -> dict[Key, int]:
    return {(row["name"], row["label"]): row["value"] for row in rows if row["value"]}


def added(news: Mapping[Key, int]) -> Insert:
    """In one order everywhere, so that two who add do not wait for each other in a circle."""
    rows = [{"name": n, "label": la, "value": news[n, la]} for n, la in sorted(news)]
    fresh = insert(RunningTotal).values(rows)
    more = RunningTotal.value + fresh.excluded.value
    return fresh.on_conflict_do_update(index_elements=["name", "label"], set_={"value": more})


def read() -> dict[Key, int]:
    rows = db.session.execute(select(RunningTotal.name, RunningTotal.label, RunningTotal.value))
    return {(name, label): value for name, label, value in rows}
