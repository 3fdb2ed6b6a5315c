"""What the pages for work by hand share: who acts and why, what was typed, names, ages."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from flask import request
from sqlalchemy import select

from app import clock
from app.errors import Refused
from app.extensions import db
from app.payments import closing
from app.payments.staff_models import Act
from app.staff import Staff
from app.staff.reasons import PERSONAL
from app.web.admin import asking, desk, reasons

MOVERS = ("owner", "finance")  # of money; operators always
HELPERS = (*MOVERS, "support")
SOURCES = {
    "callback": "M-PESA's message",
    "query": "M-PESA's answer",
    "statement": "M-PESA's statement",
    "staff": "two people",
}
FIRST, CENTURY = date(2007, 3, 6), timedelta(days=36_500)
MINUTE, HOUR, DAY = 60, 3600, 86400


def act(reason: str | None = None) -> Act:
    """Raises Refused: without a reason, the form's is asked for."""
    return Act(desk.person().id, reasons.given() if reason is None else reason, asking.attempt())


def text(name: str) -> str:
    """A longer text that is kept for good, without people in it. Raises Refused."""
    typed = request.form.get(name, "").replace("\r", "").strip()
    if PERSONAL.search(typed):
        raise Refused("Leave phone numbers and e-mail addresses out: this is kept for good.")
    return "".join(c for c in typed if c.isprintable() or c == "\n")


def shillings(name: str) -> int:
    """Raises Refused."""
    typed = request.form.get(name, "").replace(",", "").strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):  # noqa: PLR2004
        raise Refused("Give whole shillings, like 1499.")
    return int(typed)


def row_id(name: str) -> int:
    """That a form names. 0, which no row has, for what is no number: int() reads other alphabets' too."""
    typed = request.form.get(name, "")
    return int(typed) if re.fullmatch("[0-9]{1,19}", typed) else 0


def day(typed: str | None) -> date | None:
    """None for what is no day since M-PESA began, or is a century away."""
    try:
        found = date.fromisoformat(typed or "")
    except ValueError:
        return None
    return found if FIRST <= found <= closing.today() + CENTURY else None


def names(ids: Iterable[int | None]) -> dict[int, str]:
    """What the people are called, for a page that shows who did something."""
    found = select(Staff).where(Staff.id.in_({one for one in ids if one is not None}))
    return {one.id: one.name or one.email for one in db.session.scalars(found)}


def age(since: datetime) -> str:
    """`7 min`, `3 h`, `2 days`"""
    seconds = int((clock.now() - since).total_seconds())
    if seconds < HOUR:
        return f"{max(0, seconds) // MINUTE} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} days"


def left(due_on: date) -> str:
    """`today`, `in 3 days`, `2 days late`"""
    days = (due_on - closing.today()).days
    if days == 0:
        return "today"
    return f"in {_days(days)}" if days > 0 else f"{_days(-days)} late"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def long_day(day: date) -> str:
    """`Sat 21 Nov 2026`"""
    return f"{day:%a} {day.day} {day:%b %Y}"


def told_by(source: str) -> str:
    return SOURCES.get(source, source)
