"""The audit log: who did what, found and taken along; and whether it is whole."""

import json
from collections.abc import Iterator, Mapping

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from sqlalchemy import select
from werkzeug import Response

from app import audit, merchants
from app.clock import NAIROBI
from app.desk import chain, days, meant, sheets, trail
from app.desk.export import BOM
from app.desk.trail import Event, Sought
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.staff import OWNER
from app.web.admin import access, desk, hands, trail_words
from app.web.admin.access import ANY, allow
from app.web.admin.hands import MOVERS

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
FILTERS = ("who", "about", "action", "from", "to", "merchant")
LONGEST = 80
MOST_CHOICES = 200
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
HEADINGS = ("Number", "Time (Nairobi)", "Who", "Action", "Object", "Details", "Hash")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    whose = _whose()
    try:
        sought = _sought(whose, request.args)
    except Refused as refusal:
        return _page(whose, None, str(refusal)), 422
    if whose != desk.merchant():  # the house whose log it is can see who read it
        audit.record(whose, "merchant.operator_looked", actor=desk.actor())
        db.session.commit()
    return _page(whose, trail.page(sought, access.number_in_query("before")))


def _whose() -> Merchant:
    """An operator's choice; everybody else has one house, and no other is there for them."""
    slug = request.args.get("merchant", "")
    if not slug or slug == desk.merchant().slug:
        return desk.merchant()
    return (merchants.named(slug) if desk.is_operator() else None) or abort(404)


def _sought(whose: Merchant, typed: Mapping[str, str]) -> Sought:
    """Raises Refused."""
    about = typed.get("about", "").strip()[:LONGEST]
    return Sought(
        whose.id,
        actor=typed.get("who", "")[:LONGEST],
        action=typed.get("action", "")[:LONGEST],
        subjects=meant.subjects(whose.id, about) if about else None,
        since=hands.day(typed.get("from")),
        until=hands.day(typed.get("to")),
    )


def _page(whose: Merchant, page: trail.Page | None, error: str | None = None) -> str:
    typed = _typed(request.args)
    events = page.events if page else []
    older = _address({**typed, "before": str(page.older)}) if page and page.older else None
    return render_template(
        "admin/audit/index.html",
        page=page,
        typed=typed,
        error=error,
        older_url=older,
        newest_url=_address(typed) if "before" in request.args else None,
        export_url=url_for("admin.audit.export", **typed),  # type: ignore[arg-type]
        people=meant.people(whose.id),
        names=meant.names(events, whose.id, operators=desk.is_operator()),
        words=trail_words,
        merchants=_merchants(),
        whose=whose,
        check=chain.of(whose.id),
        length=chain.length(whose.id),
        short=chain.SHORT,
        today=days.today(),
    )


def _typed(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name].strip()[:LONGEST] for name in FILTERS if given.get(name, "").strip()}


def _address(known: Mapping[str, str]) -> str:
    return url_for("admin.audit.index", **known)  # type: ignore[arg-type]


def _merchants() -> dict[str, str]:
    """For operators only."""
    if not desk.is_operator():
        return {}
    query = select(Merchant.slug, Merchant.name).order_by(Merchant.name).limit(MOST_CHOICES)
    return {row[0]: row[1] for row in db.session.execute(query)}


@blueprint.post("/find")
@allow(ANY)
def find() -> Page:
    """The filters, as an address that can be kept."""
    return redirect(_address(_typed(request.form)), 303)


@blueprint.post("/check")
@allow(*MOVERS)
def check() -> Page:
    """A short log at once; a long one is checked by night, a stretch after the other."""
    whose = desk.merchant()
    if chain.length(whose.id) > chain.SHORT:
        chain.begin(whose.id)
        flash("The log is long: it is being checked, and this page says when that is done.")
    else:
        chain.check_now(whose.id)
        wrong = chain.result(whose.id)
        flash(f"{wrong.capitalize()}." if wrong else "The log is whole.", "bad" if wrong else "ok")
    db.session.commit()
    return redirect(url_for("admin.audit.index"), 303)


@blueprint.post("/export")
@allow(OWNER, proved=True)
def export() -> Page:
    """What leaves the house is written down first; the file ends with that event."""
    whose, kind = _whose(), request.form.get("format", "csv")
    if kind not in FORMATS:
        abort(400)
    try:
        sought = _sought(whose, request.args)
    except Refused as refusal:
        return _page(whose, None, str(refusal)), 422
    audit.record(whose, "audit.exported", actor=desk.actor(), filters=_typed(request.args))
    db.session.commit()
    lines = _csv(sought) if kind == "csv" else _json(sought)
    answer = Response(stream_with_context(lines), content_type=FORMATS[kind])
    name = f"audit-{whose.slug}-{days.today():%Y-%m-%d}.{kind}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _csv(sought: Sought) -> Iterator[str]:
    yield BOM + sheets.lines([HEADINGS])
    for event in trail.every(sought):
        yield sheets.lines([_cells(event)])


def _cells(event: Event) -> sheets.Row:
    return (
        event.seq,
        f"{event.at.astimezone(NAIROBI):%Y-%m-%d %H:%M:%S}",
        event.actor,
        event.action,
        f"{event.subject_type} {event.subject_id}",
        json.dumps(event.details, ensure_ascii=False, sort_keys=True),
        event.hash.hex(),
    )


def _json(sought: Sought) -> Iterator[str]:
    for event in trail.every(sought):
        known = {**vars(event), "at": event.at.isoformat(), "hash": event.hash.hex()}
        yield json.dumps(known, ensure_ascii=False) + "\n"
