"""Analytics: how payments went over some days, in pictures, tables and files."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug import Response

from app.desk import analytics, days, figures, recurring, sheets
from app.desk.analytics import Analytics
from app.desk.days import Span
from app.desk.figures import Counts, Figures
from app.desk.sheets import Table
from app.web.admin import analytics_charts, desk, hands, kpis
from app.web.admin.access import ANY, allow
from app.web.admin.kpis import Kpi
from app.web.shown import ksh

blueprint = Blueprint("analytics", __name__, url_prefix="/analytics")
TIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months"}
USUAL, LONGEST = "30", timedelta(days=366)
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    merchant, span = desk.merchant(), _span()
    found = analytics.of(merchant.id, span)
    if request.args.get("format") == "csv":
        return _file(found.tables.get(request.args.get("table", "")) or abort(404), span)
    before = figures.read(merchant.id, span.before(), kinds=("total", "collected", "seconds"))
    return render_template(
        "admin/analytics/index.html",
        found=found,
        tables=found.tables,
        charts=analytics_charts.of(found),
        kpis=_kpis(found, before),
        times=TIMES,
        time=_time(),
        csv=_csv_urls(found, span),
        few=analytics_charts.FEW,
    )


def _span() -> Span:
    """A custom one, or so many days until today. Both days are in it."""
    last = hands.day(request.args.get("to")) or days.today()
    first = hands.day(request.args.get("from"))
    if first is None:
        return days.last_days(int(_time() or USUAL))
    first, last = sorted((first, min(last, days.today())))
    return Span(max(first, last - LONGEST + days.DAY), last)


def _time() -> str | None:
    """Which of the usual ones; None: a custom one."""
    if hands.day(request.args.get("from")):
        return None
    chosen = request.args.get("days", USUAL)
    return chosen if chosen in TIMES else USUAL


@blueprint.post("/find")
@allow(ANY)
def find() -> Page:
    typed = {name: hands.day(request.form.get(name)) for name in ("from", "to")}
    chosen: dict[str, Any] = {name: day.isoformat() for name, day in typed.items() if day}
    return redirect(url_for("admin.analytics.index", **chosen), 303)


def _csv_urls(found: Analytics, span: Span) -> dict[str, str]:
    dates: dict[str, Any] = {"from": span.first.isoformat(), "to": span.last.isoformat()}
    return {
        name: url_for("admin.analytics.index", table=name, format="csv", **dates)
        for name in found.tables
    }


def _file(table: Table, span: Span) -> Response:
    answer = Response(sheets.as_csv(table), content_type="text/csv; charset=utf-8")
    name = f"{table.name}-{span.first:%Y-%m-%d}-{span.last:%Y-%m-%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _kpis(found: Analytics, before: Figures) -> list[Kpi]:
    now = found.figures
    return [_collected(now, before), _completed(now, before), _times(now, before), _monthly(found)]


def _collected(now: Figures, before: Figures) -> Kpi:
    sums = [one.whole["collected"].get("", Counts()).shillings for one in (now, before)]
    change = kpis.relative(*sums)
    return Kpi("Collected", ksh(sums[0]), change, sums[0] >= sums[1], _than_before(now, change))


def _than_before(now: Figures, change: str) -> str:
    length = "1 day" if now.span.days == 1 else f"{now.span.days} days"
    return f"vs the {length} before" if change else f"in {length}"


def _completed(now: Figures, before: Figures) -> Kpi:
    change = kpis.points(now.total.completed, before.total.completed)
    rest = f"technical {kpis.figure(now.total.technical, 'percent')}"
    value = kpis.figure(now.total.completed, "percent")
    return Kpi("Payments that succeed", value, change, "+" in change, rest)


def _times(now: Figures, before: Figures) -> Kpi:
    medians = [figures.percentile(one.whole["seconds"], 50) for one in (now, before)]
    change = "" if None in medians else kpis.signed(medians[0] - medians[1], " s")  # type: ignore[operator]
    p95 = kpis.figure(figures.percentile(now.whole["seconds"], 95), "seconds")
    value = kpis.figure(medians[0], "seconds")
    return Kpi("Time to pay (median)", value, change, "+" not in change, f"95th: {p95}")


def _monthly(found: Analytics) -> Kpi:
    every = recurring.total(found.plans)
    rest = f"{every.active:,} active · {every.new:,} new · {every.lapsed:,} lapsed"
    return Kpi("Monthly recurring revenue", ksh(every.monthly), rest=rest)
