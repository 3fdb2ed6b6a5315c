"""Staff: the pages behind the login. Each room is a blueprint below this one, guarded by its rule."""

from typing import Any

from flask import Blueprint, Flask, render_template
from werkzeug.exceptions import HTTPException

from app.merchants import platform_name
from app.settings import settings as of_installation
from app.web.admin import (
    access,
    account,
    alerts,
    analytics,
    changes,
    closing,
    customers,
    desk,
    disputes,
    door,
    failed,
    matching,
    merchants,
    outages,
    overview,
    payment,
    payments,
    people,
    plans,
    rail,
    receipts,
    reconciliation,
    report,
    second_factor,
    settings,
    shown,
    subscription_acts,
    subscriptions,
    trail,
)
from app.web.extensions import login

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
ROOMS = (
    door,
    account,
    second_factor,
    people,
    changes,
    merchants,
    payments,
    payment,
    failed,
    settings,
    subscriptions,
    subscription_acts,
    customers,
    plans,
    reconciliation,
    report,
    receipts,
    matching,
    closing,
    disputes,
    outages,
    overview,
    analytics,
    alerts,
    trail,
)
TEXTS = {
    403: ("You may not do that", "Your role does not include it. Ask an owner if it should."),
    404: ("There is nothing here", "The link may be old or mistyped."),
    413: ("That was too large", "A statement has at most 5 MB. Export a shorter time."),
    429: ("Too many tries", "Please wait five minutes."),
}
USUAL = ("That did not work", "Please go back, reload the page and try again.")

blueprint.before_request(access.guard)
for room in ROOMS:
    blueprint.register_blueprint(room.blueprint)
shown.init(blueprint)


def init_app(app: Flask) -> None:
    # Not init_app: for a cookie that we do not use it opens the session of every answer, which then
    # varies by cookie, so that a browser would ask for pay.css again after each payment.
    app.login_manager = login  # type: ignore[attr-defined]
    login.session_protection = None  # a phone's address changes; a session can be ended instead
    login.user_loader(desk.load)


@blueprint.context_processor
def layout() -> dict[str, Any]:
    """What admin/layout.html shows around each page. A stranger, or half a sign-in, gets no rail."""
    known = {"environment": of_installation().mpesa_environment, "may": access.may}
    if desk.here() is None or access.unfinished():
        return known | {"rail": [], "unfinished": desk.here() is not None}
    merchant = desk.merchant()
    links = rail.links(access.may, merchant.id)
    collector = platform_name() if merchant.uses_platform_shortcode else None
    here = {"me": desk.person(), "merchant": merchant, "desk": desk, "collector": collector}
    return known | here | {"rail": links}


@blueprint.errorhandler(HTTPException)
def went_wrong(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    title, text = TEXTS.get(status, USUAL)
    return render_template("admin/error.html", title=title, text=text), status
