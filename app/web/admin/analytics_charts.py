"""The pictures of Analytics, laid out from its figures."""

from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from app.desk import words
from app.desk.analytics import NOTHING, Analytics
from app.desk.figures import Figures
from app.desk.sheets import Row
from app.web.admin import charts, kpis
from app.web.admin.charts import Chart, Column, Lines

MOST_CODES = 10
SHORT_HOUR, SHORT_WEEKDAY = 2, 3  # letters
FEW = 20  # payments: what fewer of them say may be an accident
LONGEST_DRAWN = 120  # seconds: nobody waits longer for a PIN
PATTERNS = {"day": ("d", "d MMM"), "week": ("d MMM", "d MMM"), "month": ("MMM", "MMM y")}


@dataclass(frozen=True)
class Code:
    cause: str
    code: str
    failed: int
    percent: float  # of all that failed
    spark: str
    says: str


@dataclass(frozen=True)
class Pictures:
    periods: Chart
    hours: Chart
    weekdays: Chart
    times: Lines
    codes: list[Code]


def of(found: Analytics) -> Pictures:
    return Pictures(
        periods=_periods(found),
        hours=_rates(found.tables["hours"].rows, charts.WIDE),
        weekdays=_rates(found.tables["weekdays"].rows, charts.NARROW),
        times=_times(found),
        codes=_codes(found.figures),
    )


def _periods(found: Analytics) -> Chart:
    places = []
    for period, sums in found.figures.in_order:
        one = sums["total"].get("", NOTHING) if "total" in sums else NOTHING
        rate = kpis.figure(one.completed, "percent")
        title = f"{_long(period, found.step)}: {one.paid:,} paid, {one.failed:,} failed ({rate})"
        places.append(
            Column(_short(period, found.step), title, (("p", one.paid), ("f", one.failed)))
        )
    return charts.columns(places)


def _short(period: date, step: str) -> str:
    return format_date(period, PATTERNS[step][0], locale="en")


def _long(period: date, step: str) -> str:
    said = format_date(period, PATTERNS[step][1], locale="en")
    return f"Week of {said}" if step == "week" else said


def _rates(rows: list[Row], width: int) -> Chart:
    """The share that completed, of each row of a table of rates."""
    letters = SHORT_HOUR if width == charts.WIDE else SHORT_WEEKDAY
    places = []
    for name, _, ended, paid, completed, _ in rows:
        title = f"{name}: {kpis.figure(completed, 'percent')}, {paid:,} of {ended:,}"
        rate = _number(completed)
        kind = "p" if (_number(ended) or 0) >= FEW else "o"
        places.append(Column(str(name)[:letters], title, ((kind, rate),)))
    return charts.columns(places, width=width, top=100, unit="%")


def _times(found: Analytics) -> Lines:
    rows = found.tables["times"].rows
    labels = [_short(row[0], found.step) for row in rows if isinstance(row[0], date)]
    half = [_number(row[2]) for row in rows]
    most = [_number(row[3]) if (_number(row[1]) or 0) >= FEW else None for row in rows]
    series = (("one", "Half paid within", half), ("two", "95% within", most))
    return charts.lines(labels, series, top=LONGEST_DRAWN)


def _number(cell: object) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _codes(found: Figures) -> list[Code]:
    """The most frequent, each with its own line over the days."""
    sums = found.whole["cause"]
    frequent = sorted(sums, key=lambda key: (-sums[key].asked, key))[:MOST_CODES]
    return [_code(key, found) for key in frequent]


def _code(key: str, found: Figures) -> Code:
    reason, _, code = key.partition("|")
    failed = found.whole["cause"][key].asked
    each = [sums["cause"].get(key, NOTHING).asked for _, sums in found.in_order]
    spark, says = kpis.line(list(each), f"Each {found.step}", "count")
    return Code(words.cause(reason), code, failed, 100 * failed / found.total.failed, spark, says)
