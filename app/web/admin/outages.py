"""When M-PESA is sick: since when, why, what customers see; and prompts paused by hand."""

from collections.abc import Iterable
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app import audit
from app.desk import words
from app.errors import Refused
from app.extensions import db
from app.payments import outages
from app.payments.outage_models import Outage
from app.payments.outages import Pause
from app.staff import OWNER, Staff
from app.web.admin import access, desk, reasons, saving
from app.web.admin.access import ANY, allow

blueprint = Blueprint("outages", __name__, url_prefix="/outages")
LENGTHS = {"15": "15 minutes", "60": "1 hour", "240": "4 hours"}
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    number = desk.merchant().number
    history = outages.history(number)
    return render_template(
        "admin/outages/index.html",
        number=number,
        standing=outages.of(number),
        history=history,
        who=_names(history),
        mine=_is_mine(),
    )


def _names(history: list[Outage]) -> dict[str, str]:
    """Of those who opened and closed them; people of other merchants have none here."""
    actors = {actor for one in history for actor in (one.opened_by, one.closed_by) if actor}
    people = {person.id: person.name or person.email for person in _colleagues()}
    return {actor: words.actor(actor, people) for actor in actors}


def _colleagues() -> Iterable[Staff]:
    return db.session.scalars(access.scoped(Staff))


def _is_mine() -> bool:
    """A number that others are paid through too is the operator's to pause and to open."""
    return desk.is_operator() or outages.sharers(desk.merchant().number) == 1


@blueprint.get("/pause")
@allow(OWNER)
def ask_to_pause() -> Page:
    return _pause_page()


def _pause_page(error: str | None = None) -> str:
    return render_template("admin/outages/pause.html", lengths=LENGTHS, error=error)


@blueprint.post("/pause")
@allow(OWNER)
def pause() -> Page:
    if error := saving.refusal(_pause):
        return _pause_page(error), 422
    flash("Requests are paused.")
    return _home()


def _pause() -> None:
    _check_mine()
    minutes = request.form.get("minutes", "")
    if minutes not in LENGTHS:
        raise Refused("Choose how long.")
    merchant, reason = desk.merchant(), reasons.given()
    wanted = Pause(timedelta(minutes=int(minutes)), reason, desk.actor())
    if outages.pause(merchant.number, wanted) is None:
        raise Refused("Requests are paused already.")
    told = {"minutes": int(minutes), "reason": reason}
    audit.record(merchant, "merchant.requests_paused", actor=desk.actor(), **told)


def _check_mine() -> None:
    if not _is_mine():
        raise Refused("Other merchants use this number too: only the operator can do that.")


@blueprint.get("/end")
@allow(OWNER)
def ask_to_end() -> Page:
    return _end_page()


def _end_page(error: str | None = None) -> str:
    return render_template("admin/outages/end.html", error=error)


@blueprint.post("/end")
@allow(OWNER)
def end() -> Page:
    if error := saving.refusal(_end):
        return _end_page(error), 422
    flash("Requests go out again: a few at first, then more.")
    return _home()


def _end() -> None:
    _check_mine()
    merchant, reason = desk.merchant(), reasons.given()
    standing = outages.of(merchant.number)
    if standing is None or not outages.end(standing, desk.actor(), reason):
        raise Refused("Requests go out already.")
    audit.record(merchant, "merchant.requests_resumed", actor=desk.actor(), reason=reason)


def _home() -> Response:
    return redirect(url_for("admin.outages.index"), 303)
