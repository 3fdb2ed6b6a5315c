"""The large numbers above a page: each with what it was before, said in a few words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from app.desk.sheets import Cell
from app.web.admin import charts
from app.web.admin.charts import Value
from app.web.shown import ksh

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Kpi:
    title: str
    value: str
    change: str = ""  # since before
    good: bool = True
    rest: str = ""
    spark: str = ""
    says: str = ""  # what the line shows


def figure(cell: Cell, kind: str) -> str:
    """A number as people read it."""
    return NOTHING if cell is None else SHOWN[kind](cell)


def percent(value: float) -> str:
    return f"{value:.1f}%"


def seconds(value: float) -> str:
    """`17 s`, `2 min 5 s`, `3 h`, `2 days`"""
    whole = round(value)
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        rest = f" {whole % MINUTE} s" if whole % MINUTE else ""
        return f"{whole // MINUTE} min{rest}"
    return f"{whole // HOUR} h" if whole < 2 * DAY else f"{whole // DAY} days"


def day(value: date) -> str:
    """`21 Nov 2026`"""
    return format_date(value, "d MMM y", locale="en")


SHOWN: dict[str, Callable[..., str]] = {
    "text": str,
    "count": "{:,}".format,
    "ksh": ksh,
    "percent": percent,
    "seconds": seconds,
    "period": day,
}


def signed(value: float, unit: str, digits: int = 0) -> str:
    """`+8%`, `-2 s`; nothing to say of what rounds to nothing."""
    rounded = round(value, digits)
    if not rounded:
        return ""
    return f"{'+' if rounded > 0 else MINUS}{abs(rounded):,.{digits}f}{unit}"


def relative(now: float, before: float) -> str:
    return signed(100 * (now - before) / before, "%") if before else ""


def points(now: float | None, before: float | None) -> str:
    return "" if now is None or before is None else signed(now - before, " pts", 1)


def line(values: Sequence[Value], what: str, kind: str) -> tuple[str, str]:
    """A spark line, and what it shows in words."""
    known = [value for value in values if value is not None]
    if not known:
        return "", ""
    low, high = figure(min(known), kind), figure(max(known), kind)
    return charts.spark(values), f"{what}: between {low} and {high}"
