"""Customers: a list, one of them, their name and their number."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app import msisdn
from app.billing import subscribers
from app.billing.models import Subscriber
from app.desk import customers as desk_customers
from app.errors import Refused
from app.extensions import db
from app.payments import by_staff
from app.web.admin import access, desk, paging, reasons, saving, searching, typed
from app.web.admin.access import ANY, allow
from app.web.admin.hands import HELPERS

blueprint = Blueprint("customers", __name__, url_prefix="/customers")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    found = searching.found()
    page = desk_customers.page(desk.merchant().id, found, paging.asked())
    plans = desk_customers.plans_of(page.rows)
    return render_template(
        "admin/customers/index.html", page=page, found=found, plans=plans, paging=paging
    )


@blueprint.post("/find")
@allow(ANY)
def find() -> Page:
    query: dict[str, Any] = searching.asked()
    return redirect(url_for("admin.customers.index", **query), 303)


@blueprint.get("/<int:person_id>")
@allow(ANY)
def one(person_id: int) -> Page:
    person = access.mine(Subscriber, person_id)
    account = desk_customers.account(person)
    return render_template("admin/customers/one.html", one=person, account=account)


@blueprint.get("/<int:person_id>/name")
@allow(*HELPERS)
def name(person_id: int) -> Page:
    return _name_page(access.mine(Subscriber, person_id))


def _name_page(person: Subscriber, **errors: str) -> str:
    return render_template("admin/customers/name.html", one=person, errors=errors)


@blueprint.post("/<int:person_id>/name")
@allow(*HELPERS)
def rename(person_id: int) -> Page:
    person = access.mine(Subscriber, person_id)
    values, errors = typed.checked(request.form, {"name": subscribers.checked_name})
    if errors:
        return _name_page(person, **errors), 422
    if error := saving.refusal(lambda: subscribers.rename(person, values["name"], desk.by())):
        return _name_page(person, name=error), 422
    flash("The name is changed.")
    return _back(person)


@blueprint.get("/<int:person_id>/phone")
@allow(*HELPERS)
def phone(person_id: int) -> Page:
    return _phone_page(access.mine(Subscriber, person_id))


def _phone_page(person: Subscriber, **errors: str) -> str:
    return render_template("admin/customers/phone.html", one=person, errors=errors)


@blueprint.post("/<int:person_id>/phone")
@allow(*HELPERS)
def change_phone(person_id: int) -> Page:
    person = access.mine(Subscriber, person_id)
    values, errors = typed.checked(
        request.form, {"phone": msisdn.parse, "reason": lambda _: reasons.given()}
    )
    if errors:
        return _phone_page(person, **errors), 422
    by = desk.by(values["reason"])
    if error := saving.refusal(lambda: by_staff.change_phone(person, values["phone"], by)):
        return _phone_page(person, phone=error), 422
    flash(
        "The number is changed. Payments that were made keep the number that they were made with."
    )
    return _back(person)


@blueprint.get("/<int:person_id>/reveal")
@allow(*HELPERS)
def ask_to_reveal(person_id: int) -> Page:
    return _reveal_page(access.mine(Subscriber, person_id))


def _reveal_page(person: Subscriber, error: str | None = None) -> str:
    return render_template("admin/customers/reveal.html", one=person, error=error)


@blueprint.post("/<int:person_id>/reveal")
@allow(*HELPERS)
def reveal(person_id: int) -> Page:
    """The number is in this answer and nowhere else; who saw it is in the audit log by then."""
    person = access.mine(Subscriber, person_id)
    try:
        number = subscribers.reveal(person, desk.by(reasons.given()))
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _reveal_page(person, str(refusal)), 422
    return render_template("admin/customers/revealed.html", one=person, phone=msisdn.pretty(number))


def _back(person: Subscriber) -> Response:
    return redirect(url_for("admin.customers.one", person_id=person.id), 303)
