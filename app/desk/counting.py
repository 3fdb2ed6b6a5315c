"""Counts days ahead of time: those that are over, and again those that changed since.

What may change a day that is over, a late payment above all, is in the merchant's audit log: its
chain is written in the order of commits, so what stands there after the last count names the days.
"""

from collections.abc import Iterable
from datetime import date
from itertools import groupby

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.audit import AuditHead
from app.desk.days import DAY, day_of, midnight, today
from app.desk.figure_models import DayFigure, FiguresMade
from app.desk.tally import COUNTS, between, fresh
from app.extensions import db
from app.payments.models import Payment, Receipt

AT_ONCE = 31  # days of one transaction
KEEP = f"""insert into day_figure (merchant_id, kind, day, key, {", ".join(COUNTS)})
  select :merchant_id, kind, day, key, {", ".join(COUNTS)} from ({fresh()}) fresh"""  # noqa: S608 - our own words
# Days already counted whose payments or receipts are in the log between two places.
TOUCHED = """with events as (
    select subject_type, subject_id from audit_event
    where merchant_id = :merchant_id and seq > :after and seq <= :head
      and subject_type in ('payment', 'receipt'))
  select distinct (at at time zone 'Africa/Nairobi')::date from (
    select p.created_at as at from events e join payment p on p.id = e.subject_id
      where e.subject_type = 'payment'
    union all select r.paid_at from events e join receipt r on r.payment_id = e.subject_id
      where e.subject_type = 'payment'
    union all select r.paid_at from events e join receipt r on r.id = e.subject_id
      where e.subject_type = 'receipt') times
  where at < :over"""


def behind() -> list[int]:
    """Merchants with a day to count, or something to count again."""
    head = func.coalesce(AuditHead.seq, 0)
    late = FiguresMade.through < today() - DAY
    query = (
        select(AuditHead.merchant_id)
        .outerjoin(FiguresMade, FiguresMade.merchant_id == AuditHead.merchant_id)
        .where(FiguresMade.merchant_id.is_(None) | late | (FiguresMade.seq < head))
    )
    return list(db.session.scalars(query.order_by(AuditHead.merchant_id)))


def count(merchant_id: int, most: int = AT_ONCE) -> bool:
    """The next days that are over, and those that changed. Whether more are left. The caller commits."""
    head = _head(merchant_id)  # before all else: what is committed meanwhile is for the next time
    made = _locked(merchant_id, head)
    changed = _touched(made, head)
    last = min(today() - DAY, made.through + most * DAY)
    new = [made.through + n * DAY for n in range(1, (last - made.through).days + 1)]
    _recount(merchant_id, {*changed, *new})
    made.through, made.seq = max(made.through, last), head
    return made.through < today() - DAY


def _head(merchant_id: int) -> int:
    mine = AuditHead.merchant_id == merchant_id
    return db.session.scalar(select(AuditHead.seq).where(mine)) or 0


def _locked(merchant_id: int, head: int) -> FiguresMade:
    """Made when new: then nothing is counted yet."""
    nothing = {"merchant_id": merchant_id, "through": _first_day(merchant_id) - DAY, "seq": head}
    db.session.execute(insert(FiguresMade).values(nothing).on_conflict_do_nothing())
    query = select(FiguresMade).where(FiguresMade.merchant_id == merchant_id).with_for_update()
    return db.session.scalars(query, execution_options={"populate_existing": True}).one()


def _first_day(merchant_id: int) -> date:
    firsts = [
        db.session.scalar(select(func.min(column)).where(of == merchant_id))
        for of, column in (
            (Payment.merchant_id, Payment.created_at),
            (Receipt.merchant_id, Receipt.paid_at),
        )
    ]
    return min([day_of(first) for first in firsts if first], default=today())


def _touched(made: FiguresMade, head: int) -> set[date]:
    asked = {"merchant_id": made.merchant_id, "after": made.seq, "head": head}
    over = {"over": midnight(made.through + DAY)}
    return set(db.session.scalars(text(TOUCHED), asked | over)) if head > made.seq else set()


def _recount(merchant_id: int, days: Iterable[date]) -> None:
    for first, last in _runs(days):
        mine = (DayFigure.merchant_id == merchant_id, DayFigure.day.between(first, last))
        db.session.execute(delete(DayFigure).where(*mine))
        db.session.execute(text(KEEP), between(merchant_id, first, last))


def _runs(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days that follow each other, as one."""
    numbered = enumerate(sorted(days))
    runs = [
        [day for _, day in run] for _, run in groupby(numbered, lambda one: one[1] - one[0] * DAY)
    ]
    return [(run[0], run[-1]) for run in runs]


def forget(merchant_id: int) -> None:
    """Everything is to be counted again."""
    for table in (DayFigure, FiguresMade):
        db.session.execute(delete(table).where(table.merchant_id == merchant_id))
