"""Setting up a person's own second factor, and the recovery codes beside it."""

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app import audit
from app.errors import Refused
from app.extensions import db
from app.staff import accounts, second_factor, sessions
from app.staff.second_factor import Enrolment
from app.web.admin import access, desk
from app.web.admin.access import ANY, ENROLMENT, allow

blueprint = Blueprint("second_factor", __name__, url_prefix="/account/second-factor")
Page = Response | str | tuple[str, int]
IN_FOURS = 4


@blueprint.get("/")
@allow(ANY, during=[ENROLMENT])
def index() -> Page:
    if not desk.person().has_second_factor:
        return redirect(url_for("admin.second_factor.set_up", next=access.asked_for()), 303)
    left = second_factor.recovery_codes_left(desk.person())
    return render_template("admin/account/second_factor.html", codes_left=left)


@blueprint.get("/set-up")
@allow(ANY, during=[ENROLMENT], proved=True)
def set_up() -> Page:
    """Shows a new secret each time, and keeps none: only a phone that has it makes it count."""
    return _set_up_page(second_factor.enrol(desk.staff_session()))


def _set_up_page(enrolment: Enrolment, error: str | None = None) -> str:
    return render_template(
        "admin/account/set_up.html",
        enrolment=enrolment,
        picture=segno.make(enrolment.uri, micro=False).svg_data_uri(scale=4, border=2),
        spelled=" ".join(_fours(enrolment.secret)),
        required=access.second_factor_required(),
        error=error,
    )


def _fours(secret: str) -> list[str]:
    return [secret[start : start + IN_FOURS] for start in range(0, len(secret), IN_FOURS)]


@blueprint.post("/set-up")
@allow(ANY, during=[ENROLMENT], proved=True)
def confirm() -> Page:
    here = desk.staff_session()
    try:
        enrolment = second_factor.enrolment(here, request.form.get("sealed", ""))
    except Refused as refusal:
        return _set_up_page(second_factor.enrol(here), str(refusal)), 422
    codes = second_factor.confirm(
        here.person, enrolment, request.form.get("code", ""), desk.actor()
    )
    if codes is None:
        return _set_up_page(enrolment, "That is not the code that the phone shows now."), 422
    return _finished(codes)


def _finished(codes: list[str]) -> Page:
    """The codes are in this answer and nowhere else."""
    here = desk.staff_session()
    token = sessions.prove(here, second_factor=True)
    db.session.commit()
    desk.sit_down(here, token)
    return _codes_page(codes)


def _codes_page(codes: list[str]) -> str:
    return render_template("admin/account/codes.html", codes=codes, next=access.next_url())


@blueprint.post("/codes")
@allow(ANY, proved=True)
def new_codes() -> Page:
    person = desk.person()
    if not person.has_second_factor:
        return redirect(url_for("admin.second_factor.index"), 303)
    codes = second_factor.new_recovery_codes(person)
    audit.record(person, "staff.recovery_codes_made", actor=desk.actor())
    db.session.commit()
    return _codes_page(codes)


@blueprint.get("/remove")
@allow(ANY, proved=True)
def ask_to_remove() -> str:
    return render_template("admin/account/remove.html", required=access.second_factor_required())


@blueprint.post("/remove")
@allow(ANY, proved=True)
def remove() -> Page:
    """Signs out everywhere, here too: whoever did it must know the password."""
    if access.second_factor_required():
        return ask_to_remove(), 422
    accounts.remove_second_factor(desk.person(), desk.by())
    db.session.commit()
    desk.stand_up()
    flash("Your second factor is removed. Please log in again.")
    return redirect(url_for("admin.door.login"), 303)
