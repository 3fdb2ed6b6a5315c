"""The merchant's staff: who they are, what they may do, where they are signed in."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug import Response

from app.errors import Refused
from app.extensions import db
from app.staff import OPERATOR, OWNER, ROLES, Staff, StaffSession, accounts, sessions
from app.web.admin import access, desk, reasons
from app.web.admin.access import allow

blueprint = Blueprint("people", __name__, url_prefix="/people")
# What a person of each role may do, in the words of the page.
DUTIES = {
    OPERATOR: "Everything, for every merchant",
    OWNER: "Everything, settings and people included",
    "finance": "Moves money: matches, refunds, reports",
    "support": "Helps customers: requests and their subscriptions",
    "viewer": "Looks, and changes nothing",
}
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(OWNER)
def index() -> Page:
    people = accounts.of_merchant(desk.merchant(), operators=desk.is_operator())
    return render_template(
        "admin/people/index.html", people=people, seen=_last_seen(people), duties=DUTIES
    )


def _last_seen(people: list[Staff]) -> dict[int, object]:
    newest = func.max(StaffSession.seen_at)
    theirs = StaffSession.staff_id.in_([person.id for person in people])
    query = select(StaffSession.staff_id, newest).where(theirs).group_by(StaffSession.staff_id)
    return {staff_id: seen_at for staff_id, seen_at in db.session.execute(query)}  # noqa: C416


@blueprint.get("/new")
@allow(OWNER, proved=True)
def new() -> Page:
    return _new_page()


def _new_page(error: str | None = None) -> str:
    return render_template("admin/people/new.html", roles=roles_to_give(), error=error)


def roles_to_give() -> dict[str, str]:
    """Only an operator makes operators: they may act for every merchant."""
    return {role: DUTIES[role] for role in ROLES if role != OPERATOR or desk.is_operator()}


@blueprint.post("/new")
@allow(OWNER, proved=True)
def invite() -> Page:
    """The password is in this answer and nowhere else."""
    try:
        person, password = _invited()
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _new_page(str(refusal)), 422
    return render_template("admin/people/password.html", one=person, password=password)


def _invited() -> tuple[Staff, str]:
    role = chosen_role()
    person, password = accounts.invite(
        desk.merchant(), request.form.get("email", ""), role, desk.by()
    )
    accounts.rename(person, request.form.get("name", ""))
    return person, password


def chosen_role() -> str:
    role = request.form.get("role", "")
    if role not in roles_to_give():
        raise Refused("Choose a role.")
    return role


@blueprint.get("/<int:person_id>")
@allow(OWNER)
def person(person_id: int) -> Page:
    found = theirs(person_id)
    return render_template(
        "admin/people/person.html",
        one=found,
        sessions=sessions.alive(found),
        duty=DUTIES[found.role],
        is_self=found.id == desk.person().id,
    )


def theirs(person_id: int) -> Staff:
    """A person of this merchant. An operator at home here is nobody to the merchant's owner."""
    found = access.mine(Staff, person_id)
    if found.role == OPERATOR and not desk.is_operator():
        abort(404)
    return found


@blueprint.post("/second-factor")
@allow(OWNER, proved=True)
def require_second_factor() -> Page:
    required = request.form.get("required") == "1"
    try:
        by = desk.by(None if required else reasons.given())
    except Refused as refusal:
        flash(str(refusal), "bad")
        return redirect(url_for("admin.people.index"), 303)
    accounts.require_second_factor(desk.merchant(), by, required=required)
    db.session.commit()
    flash(
        "Everybody needs a second factor now." if required else "A second factor is optional now."
    )
    return redirect(url_for("admin.people.index"), 303)
