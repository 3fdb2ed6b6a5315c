"""Our books beside M-PESA's statement: theirs without ours, ours without theirs, other amounts.

A line's number decides. Where there is none yet, the account number, the amount and the time say
whose money it must be: a prompt's account number is its invoice's, and it is paid within minutes.
One number may serve several merchants; what is another one's money is counted and never shown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, text

from app.extensions import db
from app.merchants import DEFAULT, Merchant
from app.payments.staff_models import Statement, StatementLine
from app.settings import settings

Line = Row[*tuple[Any, ...]]  # what a query below says about one line, or one receipt
MOST = 200  # rows of one list
MATCHED, DIFFERS, UNNUMBERED, THEIRS = "matched", "differs", "unnumbered", "theirs"
ELSEWHERE = "elsewhere"  # another merchant's money, who is paid through the same number
TAKEN = "taken"  # in the books of a merchant who has no business with it
REVERSED = "reversed"  # M-PESA took it back, and it was never in our books
WANTED = (THEIRS, UNNUMBERED, DIFFERS, TAKEN)  # by a person

# Receipts without a number whose money the line `l`, with the invoice `i` that it names, may be. What
# a message claimed does not hold up a line that names another invoice (M3); what two people said does.
NAMELESS = """
    select n.id, n.payment_id, n.claimed_code = l.code as claimed
    from receipt n left join payment q on q.id = n.payment_id
    where r.id is null and n.merchant_id = l.merchant_id and n.code is null and n.amount = l.paid_in
      and (n.claimed_code = l.code and (n.source = 'staff' or coalesce(q.invoice_id = i.id, true))
        or q.invoice_id = i.id
          and l.completed_at between least(q.sending_at, n.paid_at) - interval '1 day'
                                 and greatest(q.sending_at, n.paid_at) + interval '1 day'
        or i.id is null and l.completed_at between q.sending_at - interval '2 minutes'
                                               and q.sending_at + interval '10 minutes')
    order by claimed desc nulls last, n.id"""
# Payments that nobody has told us are paid, and whose money it may be.
UNPAID = """
    select p.id, p.status from payment p
    where r.id is null and p.invoice_id = i.id and p.amount = l.paid_in and p.status <> 'paid'
      and p.created_at <= l.completed_at + interval '5 minutes'
    union all
    select p.id, p.status from payment p
    where r.id is null and i.id is null and p.merchant_id = l.merchant_id and p.amount = l.paid_in
      and p.created_at between l.completed_at - interval '11 minutes'
                           and l.completed_at + interval '2 minutes'
      and l.completed_at between p.sending_at - interval '2 minutes'
                             and p.sending_at + interval '10 minutes'
      and p.status <> 'paid' and (p.status <> 'failed' or p.reason in ('no_answer', 'unknown'))
    order by status desc, id desc"""  # unconfirmed before failed
# The number that a line's money came to; the file of a till does not say it.
NUMBER = "coalesce(s.shortcode, :number)"
# Why another merchant's books may have the line: their prompt went through the number, or their
# invoice is named. Anybody can write a file that has any receipt number.
THEIR_OWN = f"""exists (select from payment w where w.id = r.payment_id
      and coalesce(w.shortcode, {NUMBER}) = {NUMBER})
    or exists (select from invoice o where o.merchant_id = r.merchant_id
      and o.reference = l.reference)"""  # noqa: S608 - ours
NOT_OURS = f"""i.id is null and (:guest and {NUMBER} = :platform or exists (select from invoice o
    where o.merchant_id = any(:neighbours) and o.reference = l.reference))"""
BACK = """exists (select from statement_line v where v.merchant_id = l.merchant_id and v.withdrawn > 0
    and v.linked_code = l.code and v.kind ilike '%revers%')"""
LINES = f"""
    select l.id, l.code, l.completed_at, l.paid_in, l.reference, l.kind, {BACK} as reversed,
      case when r.merchant_id = l.merchant_id then r.id end as receipt_id,
      case when r.merchant_id = l.merchant_id then r.amount end as booked,
      u.id as unnumbered_id, u.payment_id as unnumbered_for, p.id as payment_id,
      case
        when r.merchant_id <> l.merchant_id and ({THEIR_OWN}) then '{ELSEWHERE}'
        when r.merchant_id <> l.merchant_id then '{TAKEN}'
        when r.id is not null and {BACK} then '{DIFFERS}'
        when r.amount = l.paid_in then '{MATCHED}'
        when r.id is not null then '{DIFFERS}'
        when {NOT_OURS} then '{ELSEWHERE}'
        when u.id is not null then '{UNNUMBERED}'
        when {BACK} then '{REVERSED}'
        else '{THEIRS}'
      end as bucket
    from statement_line l
    join statement s on s.id = l.statement_id
    left join receipt r on r.code = l.code
    left join invoice i on i.merchant_id = l.merchant_id and i.reference = l.reference
    left join lateral ({NAMELESS} limit 1) u on true
    left join lateral ({UNPAID} limit 1) p on true
    where l.merchant_id = :merchant and l.paid_in > 0"""  # noqa: S608 - ours
IN_TIME = "l.completed_at >= :since and l.completed_at < :until"
COUNTS = f"""select bucket, count(*), sum(paid_in) from ({LINES} and {IN_TIME}) found
    group by bucket"""  # noqa: S608 - ours
SHOWN = f"""select * from ({LINES} and {IN_TIME}) found where bucket = any(:buckets)
    order by completed_at desc, id desc limit {MOST}"""  # noqa: S608 - ours
# Only inside of what a statement covers: elsewhere a missing line says nothing.
OURS = """
    from receipt r left join payment q on q.id = r.payment_id left join invoice v on v.id = q.invoice_id
    where r.merchant_id = :merchant and r.paid_at >= :since and r.paid_at < :until
      and exists (select from statement s where s.merchant_id = r.merchant_id
        and r.paid_at between s.first_at and s.last_at)
      and not exists (select from statement_line l where l.merchant_id = r.merchant_id
        and l.paid_in > 0 and l.code = r.code)
      and (r.code is not null or not exists (
        select from statement_line l left join receipt o on o.code = l.code
        left join invoice i on i.merchant_id = l.merchant_id and i.reference = l.reference
        where l.merchant_id = r.merchant_id and l.paid_in = r.amount and o.id is null
          and (l.code = r.claimed_code
            or l.completed_at between least(q.sending_at, r.paid_at) - interval '1 day'
                                  and greatest(q.sending_at, r.paid_at) + interval '1 day'
              and (i.id = q.invoice_id
                or i.id is null and l.completed_at between q.sending_at - interval '2 minutes'
                                                       and q.sending_at + interval '10 minutes'))))"""
COVERED = """select coalesce(range_agg(tstzrange(first_at, last_at, '[]'))
      @> tstzrange(:since, :until, '[]'), false)
    from statement where merchant_id = :merchant"""


@dataclass(frozen=True)
class Comparison:
    """Of one stretch of time. Lists are cut at MOST, counts and sums are not."""

    counts: dict[str, tuple[int, int]]  # by bucket: how many lines, how many shillings
    lines: list[Line]
    ours: list[Line]
    ours_count: tuple[int, int]
    covered: bool  # whether statements cover all of it

    def of(self, bucket: str) -> list[Line]:
        return [line for line in self.lines if line.bucket == bucket]

    @property
    def differences(self) -> int:
        """How many things want a person."""
        return self.ours_count[0] + sum(self.counts.get(name, (0, 0))[0] for name in WANTED)


def compare(merchant: Merchant, since: datetime, until: datetime) -> Comparison:
    time = {"merchant": merchant.id, "since": since, "until": until}
    values = time | _whose(merchant)
    counts = db.session.execute(text(COUNTS), values)
    lines = db.session.execute(text(SHOWN), values | {"buckets": list(WANTED)}).all()
    total = db.session.execute(text(f"select count(*), coalesce(sum(r.amount), 0) {OURS}"), time)
    return Comparison(
        counts={bucket: (count, int(amount)) for bucket, count, amount in counts},
        lines=list(lines),
        ours=_ours(time),
        ours_count=_pair(total.one()),
        covered=covered(merchant, since, until),
    )


def _pair(row: Line) -> tuple[int, int]:
    return int(row[0]), int(row[1])


def _ours(time: dict[str, Any]) -> list[Line]:
    columns = "r.id, r.code, r.claimed_code, r.amount, r.paid_at, r.source, v.reference"
    query = f"select {columns} {OURS} order by r.paid_at desc, r.id desc limit {MOST}"
    return list(db.session.execute(text(query), time).all())


def covered(merchant: Merchant, since: datetime, until: datetime) -> bool:
    """Whether statements tell of every second from `since` to before `until`."""
    last = until - timedelta(seconds=1)
    values = {"merchant": merchant.id, "since": since, "until": last}
    return bool(db.session.scalar(text(COVERED), values))


def look_up(merchant: Merchant, line: StatementLine) -> Line:
    """What our books know of one line of money in."""
    values = {"merchant": merchant.id, "line": line.id} | _whose(merchant)
    return db.session.execute(text(f"{LINES} and l.id = :line"), values).one()


def unnumbered(merchant: Merchant, line: StatementLine) -> list[int]:
    """Receipts that may take the line's number."""
    query = f"""select n.id from statement_line l left join receipt r on r.code = l.code
        left join invoice i on i.merchant_id = l.merchant_id and i.reference = l.reference
        cross join lateral ({NAMELESS}) n where l.id = :line and l.merchant_id = :merchant"""  # noqa: S608
    return list(db.session.scalars(text(query), {"line": line.id, "merchant": merchant.id}))


def _whose(merchant: Merchant) -> dict[str, Any]:
    """What tells the money of merchants apart who are paid through one number."""
    return {
        "guest": merchant.slug != DEFAULT,
        "number": merchant.number,
        "platform": settings().mpesa_shortcode,
        "neighbours": neighbours(merchant),
    }


def neighbours(merchant: Merchant) -> list[int]:
    """Other merchants who are paid through a number of this one's: its statements have their money."""
    theirs = select(Statement.shortcode).where(Statement.merchant_id == merchant.id)
    numbers = {merchant.number, *db.session.scalars(theirs.distinct())} - {None}
    same: list[ColumnElement[bool]] = [Merchant.shortcode.in_(numbers)]
    if settings().mpesa_shortcode in numbers:
        same += [Merchant.slug == DEFAULT, Merchant.uses_platform_shortcode.is_(True)]
    others = select(Merchant.id).where(or_(*same), Merchant.id != merchant.id)
    return list(db.session.scalars(others))
