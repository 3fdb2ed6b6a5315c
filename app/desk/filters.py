"""Which payments a list shows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement

from app.payments.states import FAILED, LIVE, PAID, UNCONFIRMED, Status

ALL = ""
# Each payment is under one tab, besides "all".
TABS: dict[str, tuple[Status, ...]] = {
    ALL: tuple(Status),
    "paid": (PAID,),
    "failed": (FAILED,),
    "waiting": LIVE,
    "unconfirmed": (UNCONFIRMED,),
}


@dataclass(frozen=True)
class Found:
    """What a search came to: said for the page, and the few payments that it leaves."""

    said: str
    where: ColumnElement[bool] | None = None  # over the table of payments
    people: tuple[int, ...] = ()  # subscribers whose payments they are
    advice: str = ""

    @property
    def nothing(self) -> bool:
        return self.where is None and not self.people


@dataclass(frozen=True)
class Filters:
    merchant_id: int
    tab: str = ALL
    plan_id: int | None = None
    amount: int | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # the first moment that is not shown any more
    found: Found | None = None  # None: nothing was searched for

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Only failed payments have a reason."""
        mine = TABS[self.tab]
        return tuple(one for one in mine if one == FAILED) if self.reason else mine
