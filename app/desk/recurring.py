"""Subscriptions as a business looks at them: how many, coming and going, and worth what a month.

- **active**: paid time is left now.
- **new**: opened in these days, and paid at least once since.
- **lapsed**: the paid time ended in these days, and nobody has paid again. Whoever came back is not
  counted: they are active.
- **monthly**: each active one's price, as a month of it costs: price / every x (day 30.44, week
  30.44 / 7, month 1, quarter 1/3, year 1/12). Today's prices; what is open may be at an older one.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select

from app import clock
from app.billing.models import Plan, Subscription
from app.desk.days import DAY, Span, midnight
from app.extensions import db

DAYS_OF_A_MONTH = Fraction(3044, 100)
MONTHS = {
    "day": 1 / DAYS_OF_A_MONTH,
    "week": 7 / DAYS_OF_A_MONTH,
    "month": Fraction(1),
    "quarter": Fraction(3),
    "year": Fraction(12),
}


@dataclass(frozen=True)
class OfPlan:
    plan: str
    active: int
    new: int
    lapsed: int
    monthly: int  # whole shillings


def monthly(plan: Plan) -> Fraction:
    """Shillings a month of one subscription."""
    return plan.price / (MONTHS[plan.unit] * plan.every)


def of(merchant_id: int, span: Span) -> list[OfPlan]:
    """Of each plan that anybody has or had; what is worth most comes first."""
    now, since, until = clock.now(), midnight(span.first), midnight(span.last + DAY)
    paid_through, opened = Subscription.paid_through, Subscription.created_at
    active = _by_plan(merchant_id, paid_through > now)
    new = _by_plan(merchant_id, opened >= since, opened < until, paid_through.is_not(None))
    lapsed = _by_plan(merchant_id, paid_through >= since, paid_through < min(until, now))
    plans = db.session.scalars(select(Plan).where(Plan.merchant_id == merchant_id)).all()
    found = [
        OfPlan(
            plan.name,
            active.get(plan.id, 0),
            new.get(plan.id, 0),
            lapsed.get(plan.id, 0),
            round(active.get(plan.id, 0) * monthly(plan)),
        )
        for plan in plans
        if plan.id in active | new | lapsed
    ]
    return sorted(found, key=lambda one: (-one.monthly, one.plan))


def _by_plan(merchant_id: int, *conditions: Any) -> dict[int, int]:
    mine = select(Subscription.plan_id, func.count()).where(Subscription.merchant_id == merchant_id)
    rows = db.session.execute(mine.where(*conditions).group_by(Subscription.plan_id))
    return {plan_id: count for plan_id, count in rows}  # noqa: C416 - rows are not pairs to mypy


def total(plans: list[OfPlan]) -> OfPlan:
    return OfPlan(
        "All plans",
        sum(one.active for one in plans),
        sum(one.new for one in plans),
        sum(one.lapsed for one in plans),
        sum(one.monthly for one in plans),
    )
