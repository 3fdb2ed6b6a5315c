"""What is done to a person's account: each on a page of its own, that asks why."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug import Response

from app.errors import Refused
from app.extensions import db
from app.staff import OWNER, Staff, accounts
from app.staff.accounts import By
from app.web.admin import desk, people, reasons
from app.web.admin.access import allow

blueprint = Blueprint("changes", __name__, url_prefix="/people/<int:person_id>")
Page = Response | str | tuple[str, int]


@dataclass(frozen=True)
class Change:
    title: str
    text: str
    button: str
    done: str
    act: Callable[[Staff, By], str | None]  # may answer a password, to be shown once


def _disable(person: Staff, by: By) -> None:
    accounts.keep_an_owner(person)
    accounts.disable(person, by)


CHANGES = {
    "disable": Change(
        "Close the account",
        "They are signed out everywhere at once and cannot log in. What they did stays in the audit log.",
        "Close the account",
        "The account is closed.",
        _disable,
    ),
    "enable": Change(
        "Open the account again",
        "They can log in again with the password they had.",
        "Open the account",
        "The account is open again.",
        accounts.enable,
    ),
    "remove-second-factor": Change(
        "Remove the second factor",
        "For somebody who has lost their phone and the recovery codes. Make sure that it is they who ask: "
        "call them, or meet them. They are signed out everywhere.",
        "Remove the second factor",
        "The second factor is removed.",
        accounts.remove_second_factor,
    ),
    "new-password": Change(
        "Give a temporary password",
        "They are signed out everywhere, and choose a password of their own when they log in with it.",
        "Give a temporary password",
        "",
        accounts.give_temporary_password,
    ),
    "sign-out": Change(
        "Sign out everywhere",
        "Every browser in which they are signed in has to log in again.",
        "Sign out everywhere",
        "They are signed out everywhere.",
        accounts.sign_out,
    ),
}
NAMES = "any({})".format(",".join(f'"{name}"' for name in CHANGES))


@blueprint.get(f"/<{NAMES}:name>")
@allow(OWNER, proved=True)
def ask(person_id: int, name: str) -> Page:
    return _ask_page(people.theirs(person_id), name)


def _ask_page(person: Staff, name: str, error: str | None = None) -> str:
    return render_template(
        "admin/people/change.html", one=person, change=CHANGES[name], error=error
    )


@blueprint.post(f"/<{NAMES}:name>")
@allow(OWNER, proved=True)
def do(person_id: int, name: str) -> Page:
    person = people.theirs(person_id)
    try:
        _not_self(person)
        password = CHANGES[name].act(person, desk.by(reasons.given()))
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _ask_page(person, name, str(refusal)), 422
    if password:
        return render_template("admin/people/password.html", one=person, password=password)
    flash(CHANGES[name].done)
    return redirect(url_for("admin.people.person", person_id=person.id), 303)


def _not_self(person: Staff) -> None:
    if person.id == desk.person().id:
        raise Refused("Not your own account: ask another owner.")


@blueprint.get("/role")
@allow(OWNER, proved=True)
def role(person_id: int) -> Page:
    return _role_page(people.theirs(person_id))


def _role_page(person: Staff, error: str | None = None) -> str:
    return render_template(
        "admin/people/role.html", one=person, roles=people.roles_to_give(), error=error
    )


@blueprint.post("/role")
@allow(OWNER, proved=True)
def change_role(person_id: int) -> Page:
    person = people.theirs(person_id)
    try:
        _not_self(person)
        accounts.change_role(person, people.chosen_role(), desk.by(reasons.given()))
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _role_page(person, str(refusal)), 422
    flash("The role is changed.")
    return redirect(url_for("admin.people.person", person_id=person.id), 303)
