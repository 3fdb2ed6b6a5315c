"""How amounts, times and names look on a page."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache

from babel.dates import format_datetime
from flask import Flask, url_for
from flask_babel import gettext, ngettext
from markupsafe import Markup, escape

from app.clock import NAIROBI
from app.web import face, language, visitor

NBSP = "\N{NO-BREAK SPACE}"
PHONE = re.compile(r"\+?[0-9][0-9 ]{2,17}", re.ASCII)
UNBROKEN = Markup('<span class="nw">M-PESA</span>')
TOKEN = "TOKEN"  # noqa: S105 - where one stands in a pattern
EXAMPLE = "0712 345 678"
N_ = str  # marks a msgid for `pybabel extract`
ONCE = {
    "day": N_("daily"),
    "week": N_("weekly"),
    "month": N_("monthly"),
    "quarter": N_("quarterly"),
    "year": N_("yearly"),
}
PERIODS: dict[str, Callable[[int], object]] = {
    "day": lambda n: ngettext("%(num)d day", "%(num)d days", n),
    "week": lambda n: ngettext("%(num)d week", "%(num)d weeks", n),
    "month": lambda n: ngettext("%(num)d month", "%(num)d months", n),
    "quarter": lambda n: ngettext("%(num)d month", "%(num)d months", 3 * n),
    "year": lambda n: ngettext("%(num)d year", "%(num)d years", n),
}
EMAIL = re.compile(r"[^\s@/:?&]+@[^\s@/:?&]+")


def init_app(app: Flask) -> None:
    env = app.jinja_env
    env.trim_blocks = env.lstrip_blocks = True  # bytes count on a slow network
    env.filters.update({helper.__name__: helper for helper in FILTERS})
    env.globals.update({helper.__name__: helper for helper in GLOBALS})


def ksh(shillings: int) -> str:
    return f"KSh{NBSP}{shillings:,}"


def nairobi(time: datetime) -> str:
    """`21 Nov 2026, 14:43`"""
    return _time(time, "d MMM y, HH:mm")


def nairobi_date(time: datetime) -> str:
    return _time(time, "d MMM y")


def _time(time: datetime, pattern: str) -> str:
    return format_datetime(time, pattern, tzinfo=NAIROBI, locale=language.locale())


def minutes(seconds: int) -> str:
    """`1:05`, as on a clock that counts down."""
    return f"{seconds // 60}:{seconds % 60:02}"


def interval(unit: str, every: int) -> str:
    """`monthly`, `every 2 weeks`"""
    if every == 1:
        return language.said(ONCE[unit])
    return str(gettext("every %(period)s", period=period(unit, every)))


def period(unit: str, every: int) -> str:
    """`1 month`, `2 weeks`"""
    return str(PERIODS[unit](every))


def spelled(code: str) -> str:
    """`T K L 4`: a screen reader then says the letters, not a word."""
    return " ".join(code)


def glued(text: str) -> Markup:
    """A line never ends between M- and PESA, nor inside the number of the example."""
    text = text.replace(EXAMPLE, EXAMPLE.replace(" ", NBSP))
    return escape(text).replace("M-PESA", UNBROKEN)


def contact_href(support: str) -> str | None:
    """What a merchant wrote down for support, as a link; nothing else becomes one."""
    if PHONE.fullmatch(support):
        return "tel:" + support.replace(" ", "")
    return f"mailto:{support}" if EMAIL.fullmatch(support) else None


def payment_url(endpoint: str, token: str) -> str:
    """A token has nothing in it that a URL would have to quote."""
    return _pattern(endpoint).replace(TOKEN, token)


@cache
def _pattern(endpoint: str) -> str:
    return url_for(endpoint, token=TOKEN)


FILTERS: tuple[Callable[..., object], ...] = (
    ksh,
    nairobi,
    nairobi_date,
    minutes,
    spelled,
    glued,
    contact_href,
    face.onward,
    face.logo_url,
)
GLOBALS: tuple[Callable[..., object], ...] = (
    interval,
    period,
    payment_url,
    face.plans_url,
    face.privacy_url,
    face.face_css,
    visitor.given,
)
