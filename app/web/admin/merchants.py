"""Operators: every merchant of this installation, a new one, and which of them to act for."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug import Response

from app import audit
from app.crypto import CannotOpen
from app.extensions import db
from app.merchants import Merchant, opening, verification
from app.merchants.verification import FAILED
from app.staff import OPERATOR
from app.web.admin import access, desk, mpesa_page, saving
from app.web.admin.access import BIGGEST_ID, allow
from app.web.admin.settings import typed_number

blueprint = Blueprint("merchants", __name__, url_prefix="/merchants")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(OPERATOR)
def index() -> Page:
    everybody = db.session.scalars(select(Merchant).order_by(Merchant.name, Merchant.id)).all()
    return render_template(
        "admin/merchants/index.html",
        merchants=everybody,
        state=_state,
        number=mpesa_page.own_number,
    )


def _state(merchant: Merchant) -> str:
    try:
        return verification.of(merchant).state
    except CannotOpen:
        return FAILED


@blueprint.get("/new")
@allow(OPERATOR, proved=True)
def new() -> Page:
    return _new_page()


def _new_page(error: str | None = None) -> str:
    return render_template("admin/merchants/new.html", error=error)


@blueprint.post("/new")
@allow(OPERATOR, proved=True)
def create() -> Page:
    typed = request.form
    number = None if typed.get("kind") == "platform" else typed_number()
    names = typed.get("slug", ""), typed.get("name", "")
    if error := saving.refusal(lambda: opening.open_merchant(*names, number, actor=desk.actor())):
        return _new_page(error), 422
    flash("The merchant is there. Act for it to set its secrets, plans and people.")
    return redirect(url_for("admin.merchants.index"), 303)


@blueprint.post("/<int:merchant_id>/act-for")
@allow(OPERATOR)
def act_for(merchant_id: int) -> Response:
    """The merchant's own audit log says that somebody of the installation was there."""
    chosen = db.session.get(Merchant, min(merchant_id, BIGGEST_ID)) or abort(404)
    if chosen != desk.merchant():
        audit.record(chosen, "merchant.operator_came", actor=desk.actor())
    desk.staff_session().acting_merchant = chosen
    db.session.commit()
    return redirect(access.home_url(), 303)
