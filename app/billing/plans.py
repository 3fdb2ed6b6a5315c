"""What a merchant sells: made, renamed, given another price, retired.

A price is what the plan's next invoices ask for. Those that are open keep their amount, whoever
changes the plan: an invoice is frozen. A customer who comes to the form again sees the new price,
agrees to that one, and it is their purchase that voids the old invoice (invoices.open_for).
"""

import re
from dataclasses import dataclass

from sqlalchemy import select

from app import audit, clock
from app.billing import constraints
from app.billing.models import MAX_PRICE, Plan, Subscription
from app.errors import Refused
from app.extensions import db
from app.staff.accounts import COMMAND, By

UNITS = ("day", "week", "month", "quarter", "year")
EVERY = re.compile(rf"(?:([0-9]{{1,3}})[ -]?)?({'|'.join(UNITS)})s?", re.ASCII)
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
PRICE = re.compile("[0-9]{1,6}", re.ASCII)
LONGEST_NAME = 60
OUR_OWN = r"\_%"  # what tries a connection: no plan that people make, or may sell


@dataclass(frozen=True)
class Interval:
    """How long one period is: `every` times `unit`."""

    unit: str
    every: int


def checked_code(text: str) -> str:
    if not CODE.fullmatch(text):
        raise Refused("The code is 1 to 40 of a-z, 0-9 and -.")
    return text


def checked_name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(f"The name has 1 to {LONGEST_NAME} characters.")
    return name


def checked_price(text: str) -> int:
    if not PRICE.fullmatch(text) or not 1 <= int(text) <= MAX_PRICE:
        raise Refused(f"The price is whole shillings from 1 to {MAX_PRICE}: M-PESA takes no cents.")
    return int(text)


def checked_interval(text: str) -> Interval:
    found = EVERY.fullmatch(text.strip().lower())
    if found is None or int(found[1] or 1) == 0:
        raise Refused("The interval is day, week, month, quarter or year, or like '2 weeks'.")
    return Interval(found[2], int(found[1] or 1))


def create(plan: Plan, by: By = COMMAND) -> Plan:
    """Raises Refused with a sentence when the merchant has a plan of this code already."""
    says = f"There is a plan {plan.code!r} already."
    with constraints.answered("uq_plan_merchant_id_code", says):
        db.session.add(plan)
    audit.record(plan, "plan.created", actor=by.actor, code=plan.code, price=plan.price)
    return plan


def rename(plan: Plan, name: str, by: By) -> None:
    _lock(plan)
    if plan.name != name:
        audit.record(plan, "plan.renamed", actor=by.actor, before=plan.name, after=name)
        plan.name = name


def reprice(plan: Plan, price: int, by: By) -> None:
    _lock(plan)
    if plan.price != price:
        audit.record(plan, "plan.repriced", actor=by.actor, before=plan.price, after=price)
        plan.price = price


def change_interval(plan: Plan, interval: Interval, by: By) -> None:
    """Raises Refused for a plan that somebody has: their paid periods are as long as it says (M11)."""
    _lock(plan, alone=True)
    if interval == Interval(plan.unit, plan.every):
        return
    if is_sold(plan):
        raise Refused("Somebody has subscribed: the interval stays. Make another plan instead.")
    audit.record(
        plan,
        "plan.interval_changed",
        actor=by.actor,
        before=f"{plan.every} {plan.unit}",
        after=f"{interval.every} {interval.unit}",
    )
    plan.unit, plan.every = interval.unit, interval.every


def is_sold(plan: Plan) -> bool:
    query = select(Subscription.id).where(Subscription.plan_id == plan.id)
    return db.session.scalar(query.limit(1)) is not None


def retire(plan: Plan, by: By) -> None:
    """Nobody can subscribe any more. Whoever has it keeps it, and what is open can be paid."""
    _lock(plan)
    if plan.retired_at is None:
        plan.retired_at = clock.now()
        audit.record(plan, "plan.retired", actor=by.actor, **by.details())


def sell_again(plan: Plan, by: By) -> None:
    """Raises Refused for what only tries a connection."""
    if not CODE.fullmatch(plan.code):
        raise Refused("This plan tries the connection to M-PESA; it is not for sale.")
    _lock(plan)
    if plan.retired_at is not None:
        plan.retired_at = None
        audit.record(plan, "plan.sold_again", actor=by.actor, **by.details())


def _lock(plan: Plan, *, alone: bool = False) -> None:
    """Fresh, and ours until commit. `alone`: nobody opens a subscription to it meanwhile, either."""
    db.session.flush()
    db.session.refresh(plan, with_for_update={"key_share": not alone})
