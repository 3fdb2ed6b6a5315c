"""Signing in and out: the password, then the code of the phone where there is one."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug import Response

from app import audit, merchants
from app.extensions import db
from app.staff import Staff, accounts, passwords, second_factor, sessions
from app.web.admin import access, desk
from app.web.admin.access import ANY, SECOND_FACTOR, STEPS, STRANGERS, allow
from app.web.admin.throttle import Try

blueprint = Blueprint("door", __name__)
NOT_RIGHT = "The e-mail or the password is not right."
TOO_MANY = "Too many tries. Please wait five minutes."
WRONG_CODE = "That code is not right, or was used already. Wait for the next one."

Page = Response | str | tuple[str, int]


@blueprint.get("/login")
@allow(STRANGERS)
def login() -> Page:
    if desk.here():
        return redirect(access.home_url(), 303)
    return render_template("admin/door/login.html", email="", error=None)


@blueprint.post("/login")
@allow(STRANGERS)
def log_in() -> Page:
    email, password = request.form.get("email", ""), request.form.get("password", "")
    attempt = Try("login", email.strip().lower())
    if not attempt.is_allowed():
        return _login_again(TOO_MANY), 429
    person = accounts.named(email)
    if not passwords.fits(_admissible(person), password) or person is None:
        _note_failure(person)
        return _login_again(NOT_RIGHT), 422
    attempt.succeeded()
    passwords.refresh(person, password)
    return _let_in(person)


def _admissible(person: Staff | None) -> Staff | None:
    """A closed account, or one whose temporary password has lapsed, answers like an unknown one."""
    closed = person is None or person.disabled_at or accounts.password_lapsed(person)
    return None if closed else person


def _note_failure(person: Staff | None) -> None:
    """An unknown account's goes to the default merchant: the answer takes as long for each."""
    subject = person or merchants.named(merchants.DEFAULT)
    audit.record(subject, "staff.log_in_failed", actor="stranger")
    db.session.commit()


def _login_again(error: str) -> str:
    email = request.form.get("email", "")
    return render_template("admin/door/login.html", email=email, error=error)


def _let_in(person: Staff) -> Response:
    """Into a session of its own: what this browser had before ends."""
    if before := desk.here():
        sessions.end(before.session, "replaced", f"staff:{person.id}")
    found, token = sessions.begin(person, desk.place())
    db.session.flush()
    action = "staff.password_accepted" if person.has_second_factor else "staff.logged_in"
    audit.record(person, action, actor=f"staff:{person.id}", session=found.id)
    db.session.commit()
    desk.sit_down(found, token)
    if person.has_second_factor:
        return redirect(url_for("admin.door.code", next=access.asked_for()), 303)
    return redirect(access.next_url(), 303)


@blueprint.get("/second-factor")
@allow(ANY, during=[SECOND_FACTOR])
def code() -> Page:
    if access.unfinished() != SECOND_FACTOR:
        return redirect(access.next_url(), 303)
    return _code_page()


def _code_page(error: str | None = None) -> str:
    return render_template("admin/door/code.html", error=error)


@blueprint.post("/second-factor")
@allow(ANY, during=[SECOND_FACTOR])
def give_code() -> Page:
    person, attempt = desk.person(), Try("second_factor", str(desk.person().id))
    if access.unfinished() != SECOND_FACTOR:
        return redirect(access.next_url(), 303)
    if not attempt.is_allowed():
        return _code_page(TOO_MANY), 429
    how = second_factor.accepts(person, request.form.get("code", ""))
    if how is None:
        audit.record(person, "staff.code_refused", actor=desk.actor())
        db.session.commit()
        return _code_page(WRONG_CODE), 422
    attempt.succeeded()
    return _through(how)


def _through(how: str) -> Response:
    found = desk.staff_session()
    token = sessions.prove(found, second_factor=True)
    details = {"session": found.id, "second_factor": how}
    audit.record(found.person, "staff.logged_in", actor=desk.actor(), **details)
    db.session.commit()
    desk.sit_down(found, token)
    return redirect(access.next_url(), 303)


@blueprint.post("/logout")
@allow(ANY, during=STEPS)
def log_out() -> Response:
    sessions.end(desk.staff_session(), "logged_out", desk.actor())
    db.session.commit()
    desk.stand_up()
    return redirect(url_for("admin.door.login"), 303)
