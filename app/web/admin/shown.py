"""How the admin shows things: in English, whatever language the browser's customer pages are in."""

from collections.abc import Callable
from datetime import datetime, timedelta

from babel.dates import format_datetime
from flask import Blueprint

from app import clock
from app.clock import NAIROBI
from app.web.admin.browsers import browser


def init(blueprint: Blueprint) -> None:
    for helper in FILTERS:
        blueprint.add_app_template_filter(helper)


def when(time: datetime) -> str:
    """`Today 14:43`, `Yesterday 14:43`, `21 Nov 2026 14:43`"""
    local = time.astimezone(NAIROBI)
    return f"{_day(local)} {local:%H:%M}"


def _day(local: datetime) -> str:
    today = clock.now().astimezone(NAIROBI).date()
    if local.date() == today:
        return "Today"
    if local.date() == today - timedelta(days=1):
        return "Yesterday"
    return format_datetime(local, "d MMM y", tzinfo=NAIROBI, locale="en")


FILTERS: tuple[Callable[..., str], ...] = (when, browser)
