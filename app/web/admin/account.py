"""A person's own account: their password, and where they are signed in."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug import Response

from app import audit
from app.errors import Refused
from app.extensions import db
from app.staff import Staff, StaffSession, accounts, passwords, second_factor, sessions
from app.web.admin import access, desk
from app.web.admin.access import ANY, ENROLMENT, NEW_PASSWORD, allow
from app.web.admin.throttle import Try

blueprint = Blueprint("account", __name__, url_prefix="/account")
TOO_MANY = "Too many tries. Please wait five minutes."
Page = Response | str | tuple[str, int]


@blueprint.get("/password")
@allow(ANY, during=[NEW_PASSWORD])
def password() -> Page:
    return _password_page()


def _password_page(**errors: str) -> str:
    shortest = passwords.SHORTEST
    return render_template("admin/account/password.html", errors=errors, shortest=shortest)


@blueprint.post("/password")
@allow(ANY, during=[NEW_PASSWORD])
def change_password() -> Page:
    attempt = Try("password", str(desk.person().id))
    if not attempt.is_allowed():
        return _password_page(old=TOO_MANY), 429
    if not passwords.fits(desk.person(), request.form.get("old", "")):
        _note("staff.password_refused")
        return _password_page(old="That is not the password you have now."), 422
    attempt.succeeded()
    try:
        return _changed(request.form.get("new", ""))
    except Refused as refusal:
        db.session.rollback()
        return _password_page(new=str(refusal)), 422


def _note(action: str) -> None:
    audit.record(desk.person(), action, actor=desk.actor())
    db.session.commit()


def _changed(new: str) -> Response:
    here = desk.staff_session()
    accounts.choose_password(desk.person(), new, desk.by(), keep=here.id)
    token = sessions.prove(here)
    db.session.commit()
    desk.sit_down(here, token)
    flash("Your password is changed. You are signed out everywhere else.")
    return redirect(access.next_url(), 303)


@blueprint.get("/proof")
@allow(ANY, during=[ENROLMENT, NEW_PASSWORD])
def proof() -> Page:
    return _proof_page()


def _proof_page(error: str | None = None) -> str:
    has_code = desk.person().has_second_factor
    return render_template("admin/account/proof.html", second_factor=has_code, error=error)


@blueprint.post("/proof")
@allow(ANY, during=[ENROLMENT, NEW_PASSWORD])
def prove() -> Page:
    """Whoever finds an unlocked computer cannot do what is dear with it."""
    attempt = Try("proof", str(desk.person().id))
    if not attempt.is_allowed():
        return _proof_page(TOO_MANY), 429
    if not _is(desk.person()):
        _note("staff.proof_refused")
        return _proof_page("That is not right. A code works once: wait for the next one."), 422
    attempt.succeeded()
    token = sessions.prove(desk.staff_session())
    db.session.commit()
    desk.sit_down(desk.staff_session(), token)
    return redirect(access.next_url(), 303)


def _is(person: Staff) -> bool:
    """A wrong password does not spend the code."""
    if not passwords.fits(person, request.form.get("password", "")):
        return False
    return not person.has_second_factor or bool(
        second_factor.accepts(person, request.form.get("code", ""))
    )


@blueprint.get("/sessions")
@allow(ANY)
def browsers() -> Page:
    return render_template("admin/account/sessions.html", sessions=sessions.alive(desk.person()))


@blueprint.post("/sessions/<int:session_id>/end")
@allow(ANY)
def end_session(session_id: int) -> Page:
    mine = select(StaffSession).where(StaffSession.staff_id == desk.person().id)
    one = mine.where(StaffSession.id == access.possible(session_id))
    found = db.session.scalar(one) or abort(404)
    sessions.end(found, "ended", desk.actor())
    db.session.commit()
    flash("That browser is signed out.")
    return redirect(url_for("admin.account.browsers"), 303)


@blueprint.post("/sessions/end-others")
@allow(ANY)
def end_other_sessions() -> Page:
    accounts.sign_out(desk.person(), desk.by(), but=desk.staff_session().id)
    db.session.commit()
    flash("You are signed out everywhere else.")
    return redirect(url_for("admin.account.browsers"), 303)
