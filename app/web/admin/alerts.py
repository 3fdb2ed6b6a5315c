"""Alerts: what the application could not decide alone. Somebody looks, and says that it is done."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.desk import alerts, needs
from app.errors import Refused
from app.extensions import db
from app.payments.alerts import Alert
from app.web.admin import access, desk, hands
from app.web.admin.access import ANY, allow
from app.web.admin.hands import HELPERS

blueprint = Blueprint("alerts", __name__, url_prefix="/alerts")
LONGEST = 500
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    kind = request.args.get("kind", "")
    return render_template(
        "admin/alerts/index.html",
        shown=alerts.unresolved(desk.merchant().id, kind or None),
        kind=needs.titles(kind)[0] if kind else None,
        titles=needs.titles,
        most=alerts.MOST,
    )


@blueprint.get("/<int:alert_id>")
@allow(ANY)
def one(alert_id: int) -> Page:
    return _page(access.mine(Alert, alert_id))


def _page(alert: Alert, error: str | None = None) -> str:
    return render_template(
        "admin/alerts/one.html",
        alert=alert,
        title=needs.titles(alert.kind)[0],
        longest=LONGEST,
        error=error,
    )


@blueprint.post("/<int:alert_id>/resolve")
@allow(*HELPERS)
def resolve(alert_id: int) -> Page:
    alert = access.mine(Alert, alert_id)
    try:
        done = alerts.resolve(alert, _note(), desk.actor())
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _page(alert, str(refusal)), 422
    flash("Resolved." if done else "Somebody had resolved it already.")
    return redirect(url_for("admin.overview.index"), 303)


def _note() -> str:
    """It goes to the audit log, where no person may be. Raises Refused."""
    note = " ".join(hands.text("note").split())
    if len(note) > LONGEST:
        raise Refused(f"At most {LONGEST} characters.")
    return note
