"""Failed payments: why, when, what came back, and a new request for what is still owed."""

import re
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug import Response
from werkzeug.exceptions import NotFound

from app import clock
from app.desk import acts, cursor, failures, rows, sheets, words
from app.desk.cursor import Cursor
from app.desk.failures import Cause, Hour
from app.desk.rows import Row
from app.desk.sheets import Table
from app.errors import MustWait, Refused
from app.extensions import db
from app.jobs import bell
from app.web.admin import asking, charts, desk, payment, rail
from app.web.admin.access import ANY, allow
from app.web.admin.charts import Column
from app.web.admin.hands import HELPERS
from app.web.admin.kpis import Kpi
from app.web.admin.paging import BEFORE

blueprint = Blueprint("failed", __name__, url_prefix="/failed")
rail.BADGES["admin.failed.index"] = failures.badge
TIMES = {"1": "24 hours", "7": "7 days", "30": "30 days"}
USUAL = "7"
MOST = 50  # requests of one click
ID = re.compile(r"[0-9]{1,18}", re.ASCII)
Page = Response | str | tuple[str, int]


@dataclass(frozen=True)
class Sent:
    """What came of one of the chosen."""

    text: str
    tone: str
    row: Row | None = None
    payment_id: int | None = None  # where to look on


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    return _page()


def _page(error: str | None = None) -> str:
    time = request.args.get("days", USUAL)
    if time not in TIMES:
        abort(400)
    merchant_id = desk.merchant().id
    found = failures.open_page(merchant_id, _place())
    causes = failures.causes(merchant_id, clock.now() - timedelta(days=int(time)))
    older = {"days": time, BEFORE: str(found.older)}
    return render_template(
        "admin/failed/index.html",
        causes=causes,
        kpis=_kpis(causes),
        chart=charts.columns([_column(hour) for hour in failures.by_hour(causes)]),
        described="What failed in each hour of the day, and what of it came back.",
        hours=_hours(causes),
        names=words.CAUSES,
        page=found,
        place=request.args.get(BEFORE),
        older_url=url_for("admin.failed.index", **older) if found.older else None,  # type: ignore[arg-type]
        times=TIMES,
        time=time,
        error=error,
    )


def _kpis(causes: list[Cause]) -> list[Kpi]:
    failed = sum(cause.failed for cause in causes)
    back = sum(cause.back for cause in causes)
    hopeful = sum(cause.failed for cause in causes if cause.recoverable)
    ours = sum(cause.failed for cause in causes if cause.ours)
    newest = failed == failures.MOST_COUNTED
    share = f"{100 * back / failed:.0f}%" if failed else "0%"
    return [
        Kpi("Failed", f"{failed:,}", rest="the newest: there are more" if newest else ""),
        Kpi("Came back", share, rest=f"{back:,} paid at a later try"),
        Kpi("Recoverable", f"{hopeful:,}", rest="a new request may bring them"),
        Kpi("Ours", f"{ours:,}", rest="by our settings: mend them first"),
    ]


def _column(hour: Hour) -> Column:
    title = f"{hour.hour:02}:00: {hour.failed} failed, {hour.back} came back"
    parts = (("p", hour.back), ("f", hour.failed - hour.back))
    return Column(f"{hour.hour:02}", title, parts)


def _hours(causes: list[Cause]) -> Table:
    """The picture's numbers, by cause too."""
    hours = tuple(sheets.Column(f"{hour:02}") for hour in range(24))
    rows: list[sheets.Row] = [(words.cause(cause.reason), *cause.hours) for cause in causes]
    title = "Failed payments by cause and hour of the day"
    return Table("failed", title, (sheets.Column("Cause", "text"), *hours), rows)


def _place() -> Cursor | None:
    try:
        return cursor.read(request.args[BEFORE], newer=False) if BEFORE in request.args else None
    except Refused:
        abort(400)


@blueprint.post("/send")
@allow(*HELPERS)
def send() -> Page:
    """Each on its own: a phone that has to wait keeps nobody else waiting."""
    ids = request.form.getlist("listed" if "all" in request.form else "payment")
    chosen = dict.fromkeys(one for one in ids if ID.fullmatch(one))
    if not 1 <= len(chosen) <= MOST:
        return _page(f"Choose 1 to {MOST} payments."), 422
    results = [_send(int(payment_id)) for payment_id in chosen]
    bell.ring(bell.SEND)
    return render_template("admin/failed/sent.html", results=results)


def _send(payment_id: int) -> Sent:
    try:
        old = payment.mine_locked(payment_id)
        new, made = acts.send_again(old, desk.actor())
        new_id = new.id
        db.session.commit()
    except NotFound:
        return Sent("There is no such payment.", "bad")
    except (MustWait, Refused) as refusal:
        db.session.rollback()
        return Sent(asking.sentence(refusal), "warn", _row(payment_id), payment_id)
    text = "Sent." if made else "A new request was sent before."
    return Sent(text, "ok" if made else "mute", _row(payment_id), new_id)


def _row(payment_id: int) -> Row:
    return rows.of([payment_id])[0]
