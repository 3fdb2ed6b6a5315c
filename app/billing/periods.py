"""Calendar arithmetic of paid time, in Nairobi's calendar (money rule M11)."""

from calendar import monthrange
from datetime import datetime, timedelta

from app.clock import NAIROBI

MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"day": 1, "week": 7}


def anchor_day(start: datetime) -> int:
    return start.astimezone(NAIROBI).day


def end_of_period(start: datetime, unit: str, every: int, anchor: int) -> datetime:
    """31 January + 1 month is the last day of February, and the anchor returns in March."""
    local = start.astimezone(NAIROBI)
    if unit in DAYS:
        end = local + timedelta(days=DAYS[unit] * every)
    else:
        end = _months_later(local, MONTHS[unit] * every, anchor)
    return end.astimezone(start.tzinfo)


def _months_later(local: datetime, months: int, anchor: int) -> datetime:
    years, month0 = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month0 + 1
    return local.replace(year=year, month=month, day=min(anchor, monthrange(year, month)[1]))
