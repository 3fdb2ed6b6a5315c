"""The first page: today's figures, the last fourteen days, and what wants a person."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, url_for
from werkzeug import Response

from app.desk import days, needs, overview, words
from app.desk.needs import Need
from app.desk.overview import Day, Overview
from app.desk.sheets import Column, Table
from app.watching import needs as watched
from app.web.admin import access, charts, desk, kpis
from app.web.admin.access import ANY, allow
from app.web.admin.kpis import Kpi
from app.web.shown import ksh

blueprint = Blueprint("overview", __name__)
blueprint.add_app_template_filter(kpis.figure)
Page = Response | str | tuple[str, int]


@dataclass(frozen=True)
class Action:
    label: str
    url: str
    posts: bool = False


@dataclass(frozen=True)
class Door:
    """Where something can be done, and the name of the id that it wants."""

    label: str
    endpoint: str
    name: str | None = None
    posts: bool = False
    more: tuple[tuple[str, str], ...] = ()


# Of one thing, then of several of a kind: the first that the person may open.
DOORS: dict[str, tuple[Door, ...]] = {
    "outage": (Door("Open", "admin.outages.index"),),
    "settings": (Door("Open", "admin.settings.index"),),
    "incident": (Door("Look", "admin.analytics.index"),),
    "chain": (Door("Open", "admin.audit.index"),),
    "unconfirmed": (
        Door("Check with M-PESA", "admin.payment.ask", "payment_id", posts=True),
        Door("Open", "admin.payment.page", "payment_id"),
        Door("Check with M-PESA", "admin.reconciliation.index"),
    ),
    "proposal": (
        Door("Decide", "admin.matching.ask", "proposal_id", more=(("name", "approve"),)),
        Door("Open", "admin.reconciliation.index"),
    ),
    "suspense": (
        Door("Match", "admin.receipts.one", "receipt_id"),
        Door("Match", "admin.reconciliation.index"),
    ),
    "dispute": (
        Door("Open", "admin.disputes.one", "dispute_id"),
        Door("Open", "admin.disputes.index"),
    ),
    "alert": (
        Door("Look", "admin.alerts.one", "alert_id"),
        Door("Look", "admin.alerts.index"),
    ),
    "parked": (),
}
ICONS = {"unconfirmed": "clock", "suspense": "swap", "proposal": "people", "dispute": "speech"}


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    merchant = desk.merchant()
    found = overview.of(merchant.id)
    wanted = (*watched.of(merchant.id), *needs.of(merchant))
    return render_template(
        "admin/overview/index.html",
        found=found,
        chart=charts.columns([_column(day) for day in found.days]),
        description=_described(found.days),
        table=table(found),
        kpis=_kpis(found),
        needs=[(need, ICONS.get(need.kind, "alert"), _action(need)) for need in wanted],
        causes=words.CAUSES,
        today=days.today(),
        asks=_address("admin.subscriptions.new"),
        closes=_address("admin.closing.one", day=f"{days.today()}"),
    )


def _address(endpoint: str, **known: str) -> str | None:
    """None where the person may not go there."""
    return url_for(endpoint, **known) if access.may(endpoint) else None  # type: ignore[arg-type]


def _column(day: Day) -> charts.Column:
    counts = day.counts
    rate = kpis.figure(counts.completed, "percent")
    title = f"{day.day:%-d %b}: {counts.paid:,} paid, {counts.failed:,} failed ({rate})"
    return charts.Column(str(day.day.day), title, (("p", counts.paid), ("f", counts.failed)))


def _described(each: list[Day]) -> str:
    """The picture in words, for whoever cannot see it."""
    paid = [day.counts.paid for day in each]
    worst = max(each, key=lambda day: day.counts.failed)
    peak = f"{worst.counts.failed:,} on {worst.day:%-d %B}"
    return (
        f"Between {min(paid):,} and {max(paid):,} paid a day. Failures peaked at {peak}. "
        "The table after this picture has every number."
    )


def table(found: Overview) -> Table:
    columns = (
        Column("Day", "period"),
        Column("Paid"),
        Column("Failed"),
        Column("Completed", "percent"),
        Column("Collected", "ksh"),
        Column("Half paid within", "seconds"),
    )
    rows: list[Any] = [
        (
            one.day,
            one.counts.paid,
            one.counts.failed,
            one.counts.completed,
            one.collected,
            one.median,
        )
        for one in found.days
    ]
    return Table("fortnight", "Payments, last 14 days", columns, rows)


def _kpis(found: Overview) -> list[Kpi]:
    return [_collected(found), _completed(found), _median(found), _waiting(found)]


def _collected(found: Overview) -> Kpi:
    now, then = found.today.collected, found.collected_then
    weekday = f"{days.today():%A}"
    before = f"vs last {weekday} by now" if then else f"nothing last {weekday} by now"
    spark, says = kpis.line([day.collected for day in found.days], "Each day", "ksh")
    change = kpis.relative(now, then)
    return Kpi("Collected today", ksh(now), change, now >= then, before, spark, says)


def _completed(found: Overview) -> Kpi:
    """Of what has ended. The technical rate leaves out what the customers did not want or have."""
    today, before = found.today.counts, found.before
    spark, says = kpis.line([day.counts.completed for day in found.days], "Each day", "percent")
    change = kpis.points(today.completed, before.completed)
    technical = kpis.figure(today.technical, "percent")
    rest = f"{'vs 7 days · ' if change else ''}technical {technical}"
    if today.completed is None:
        rest = f"nothing has ended yet · 7 days {kpis.figure(before.completed, 'percent')}"
    value = kpis.figure(today.completed, "percent")
    return Kpi("Payments that succeed", value, change, "+" in change, rest, spark, says)


def _median(found: Overview) -> Kpi:
    now, before = found.today.median, found.median_before
    change = kpis.signed(now - before, " s") if now is not None and before is not None else ""
    rest = f"95th: {kpis.figure(found.today.p95, 'seconds')}"
    spark, says = kpis.line([day.median for day in found.days], "Each day", "seconds")
    value = kpis.figure(now, "seconds")
    return Kpi("Time to pay (median)", value, change, "+" not in change, rest, spark, says)


def _waiting(found: Overview) -> Kpi:
    waiting = found.waiting
    slow = f"{waiting.slow:,} over 5 min" if waiting.slow else ""
    rest = f"oldest {kpis.seconds(60 * waiting.minutes)}" if waiting.count else "nobody waits"
    asked = [day.counts.by_asking for day in found.days]
    spark, says = kpis.line(asked, "Found only by asking, each day", "count")
    return Kpi("Waiting for an answer", f"{waiting.count:,}", slow, not slow, rest, spark, says)


def _action(need: Need) -> Action | None:
    """The one thing to do about it. None where the person may only know of it."""
    fitting = [door for door in DOORS[need.kind] if door.name is None or need.id is not None]
    open_to_them = (door for door in fitting if access.may(door.endpoint))
    door = next(open_to_them, None)
    return Action(door.label, _url(door, need), door.posts) if door else None


def _url(door: Door, need: Need) -> str:
    known: dict[str, Any] = dict(door.more)
    if door.name:
        known[door.name] = need.id
    if door.endpoint == "admin.alerts.index":
        known["kind"] = need.alert
    return url_for(door.endpoint, **known)
