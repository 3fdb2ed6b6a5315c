"""How the merchant looks to customers: name, colour, logo, support, and where they go back to."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.merchants import face
from app.staff import OWNER
from app.web.admin import desk, saving
from app.web.admin.access import allow

blueprint = Blueprint("face", __name__, url_prefix="/face")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(OWNER)
def index() -> Page:
    return _page()


def _page(error: str | None = None) -> str:
    return render_template("admin/settings/face.html", error=error)


@blueprint.post("/")
@allow(OWNER)
def change() -> Page:
    """All or nothing: one field that is wrong keeps the others as they were."""
    if error := saving.refusal(_change):
        return _page(error), 422
    flash("Customers see it from now on.")
    return redirect(url_for("admin.settings.face.index"), 303)


def _change() -> None:
    """Only what differs, so that the audit log says what was changed."""
    merchant, actor, typed = desk.merchant(), desk.actor(), request.form
    if typed.get("name", "") != merchant.name:
        face.set_name(merchant, typed.get("name", ""), actor=actor)
    if _colour() != (merchant.colour or ""):
        face.set_colour(merchant, _colour(), actor=actor)
    if typed.get("support", "") != (merchant.support or ""):
        face.set_support(merchant, typed.get("support", ""), actor=actor)
    if (urls := typed.get("return_urls", "").split()) != merchant.return_urls:
        face.set_return_urls(merchant, urls, actor=actor)
    _change_logo()


def _colour() -> str:
    """A browser's colour field always has one: the box beside it says whether it is meant."""
    return request.form.get("colour", "").lower() if request.form.get("own_colour") else ""


def _change_logo() -> None:
    sent = request.files.get("logo")
    svg = sent.read().decode(errors="replace") if sent else ""
    if svg or request.form.get("no_logo"):
        face.set_logo(desk.merchant(), svg, actor=desk.actor())
