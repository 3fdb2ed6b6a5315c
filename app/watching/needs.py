"""What holds for a merchant, for the list of what needs its staff."""

import re
from collections.abc import Iterator

from app.desk.needs import Need
from app.watching import conditions, incidents
from app.watching.condition import PAGE

# The desk lists these payments and alerts one by one (desk/needs.py).
LISTED = ("UnconfirmedFiveMinutes", "UnconfirmedAnHour", "Unrecovered")


def of(merchant_id: int) -> Iterator[Need]:
    for one in incidents.told(merchant_id):
        known = conditions.ALL.get(one.condition)
        if known and known.name not in LISTED:
            tone = "bad" if known.severity == PAGE else "warn"
            yield Need("incident", titled(known.name), one.says, tone, one.opened_at)


def titled(name: str) -> str:
    """CallbacksLow: Callbacks low."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
