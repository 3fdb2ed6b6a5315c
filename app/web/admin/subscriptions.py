"""Subscriptions: a list, one of them, and a new one for somebody."""

import re
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app import crypto, msisdn
from app.billing import subscribers
from app.billing.models import Plan, Subscriber, Subscription
from app.desk import people, words
from app.desk import subscriptions as desk_subscriptions
from app.desk.subscriptions import ALL, STATES, Filters
from app.errors import MustWait, Refused
from app.extensions import db
from app.jobs import bell
from app.payments import charging
from app.payments.models import Payment
from app.web import visitor
from app.web.admin import access, asking, desk, paging, searching, typed
from app.web.admin.access import ANY, allow
from app.web.admin.hands import HELPERS

blueprint = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")
ID = re.compile("[0-9]{1,18}")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    filters = _filters()
    return render_template(
        "admin/subscriptions/index.html",
        page=desk_subscriptions.page(filters, paging.asked()),
        counts=desk_subscriptions.counts(filters),
        filters=filters,
        plans=_names_of_plans(),
        paging=paging,
    )


def _filters() -> Filters:
    state = request.args.get("state", ALL)
    return Filters(
        desk.merchant().id,
        state if state in STATES else ALL,
        access.number_in_query("plan"),
        searching.found(),
    )


def _names_of_plans() -> dict[int, str]:
    plans = db.session.scalars(access.scoped(Plan).order_by(Plan.retired_at, Plan.price, Plan.id))
    return {plan.id: plan.name for plan in plans}


@blueprint.post("/find")
@allow(ANY)
def find() -> Page:
    query: dict[str, Any] = searching.asked("state", "plan")
    return redirect(url_for("admin.subscriptions.index", **query), 303)


@blueprint.get("/<int:subscription_id>")
@allow(ANY)
def one(subscription_id: int) -> Page:
    return one_page(access.mine(Subscription, subscription_id))


def one_page(subscription: Subscription, error: str | None = None) -> str:
    return render_template(
        "admin/subscriptions/one.html",
        one=subscription,
        history=desk_subscriptions.history(subscription),
        attempt=crypto.new_token(),
        error=error,
    )


@blueprint.get("/new")
@allow(*HELPERS)
def new() -> Page:
    return _new_page()


def _new_page(**errors: str) -> str:
    return render_template(
        "admin/subscriptions/new.html",
        plans=_on_sale(),
        person=_chosen_person(),
        attempt=crypto.new_token(),
        errors=errors,
    )


def _on_sale() -> dict[int, Plan]:
    query = access.scoped(Plan).where(Plan.retired_at.is_(None))
    return {plan.id: plan for plan in db.session.scalars(query.order_by(Plan.price, Plan.id))}


def _chosen_person() -> Subscriber | None:
    """Whose page led here; else a number is typed."""
    person_id = visitor.given().get("customer", type=int)
    return access.mine(Subscriber, person_id) if person_id is not None else None


@blueprint.post("/new")
@allow(*HELPERS)
def start() -> Page:
    """Somebody who cannot, or would rather not, use the form: they are asked on their phone."""
    values, errors = _order()
    if errors:
        return _new_page(**errors), 422
    try:
        payment = _begin(**values)
        db.session.commit()
    except (MustWait, Refused) as refusal:
        db.session.rollback()
        return _new_page(phone=asking.sentence(refusal)), 422
    return asked(payment)


def _order() -> tuple[dict[str, Any], dict[str, str]]:
    person = _chosen_person()
    who: dict[str, typed.Check] = {"phone": msisdn.parse, "name": subscribers.checked_name}
    values, errors = typed.checked(request.form, ({} if person else who) | {"plan": _plan})
    return ({"phone": person.phone, "name": None} if person else {}) | values, errors


def _plan(text: str) -> Plan:
    plan = _on_sale().get(int(text)) if ID.fullmatch(text) else None
    if plan is None:
        raise Refused("Choose a plan.")
    return plan


def _begin(plan: Plan, phone: str, name: str | None) -> Payment:
    """A known person keeps the name that they have: it is changed on their own page."""
    payer = charging.Payer(phone, None, asked_by=desk.actor())
    payment = charging.buy(plan, payer, asking.attempt())
    person = payment.invoice.subscription.subscriber
    if name and person.name is None:
        subscribers.rename(person, name, desk.by())
    return payment


def asked(payment: Payment) -> Response:
    """After the commit."""
    bell.ring(bell.SEND)
    flash("The request is on its way to the phone.")
    return redirect(url_for("admin.payment.page", payment_id=payment.id), 303)


blueprint.add_app_template_filter(people.masked, "number_of")
blueprint.add_app_template_filter(words.cause)
blueprint.add_app_template_filter(desk_subscriptions.state_of)
