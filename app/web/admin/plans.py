"""Plans: what is sold, for how much, and the link that sells it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.billing import pay_links, plans
from app.billing.models import Plan
from app.desk import subscriptions as desk_subscriptions
from app.errors import Refused
from app.extensions import db
from app.staff import OWNER
from app.staff.accounts import By
from app.web import security, visitor
from app.web.admin import access, desk, reasons, saving, typed
from app.web.admin.access import ANY, allow

blueprint = Blueprint("plans", __name__, url_prefix="/plans")
Page = Response | str | tuple[str, int]


@dataclass(frozen=True)
class Offer:
    """What the form of a plan says: enough to show the customers' page."""

    name: str
    price: int
    unit: str
    every: int


@blueprint.get("/")
@allow(ANY)
def index() -> Page:
    sold = Plan.code.not_like(plans.OUR_OWN)
    query = (
        access.scoped(Plan)
        .where(sold)
        .order_by(Plan.retired_at.desc().nulls_first(), Plan.price, Plan.id)
    )
    return render_template(
        "admin/plans/index.html",
        plans=db.session.scalars(query).all(),
        counts=desk_subscriptions.of_plans(desk.merchant().id),
    )


@blueprint.get("/<int:plan_id>")
@allow(ANY)
def one(plan_id: int) -> Page:
    plan = access.mine(Plan, plan_id)
    count = desk_subscriptions.of_plans(plan.merchant_id)[plan.id]
    link = pay_links.pay_link(plan)
    return render_template("admin/plans/one.html", one=plan, count=count, link=link)


@blueprint.get("/new")
@allow(OWNER)
def new() -> Page:
    return _form_page(None)


def _form_page(plan: Plan | None, **errors: str) -> str:
    """With a frame that shows what customers would see."""
    security.allow_frames()
    return render_template(
        "admin/plans/form.html",
        one=plan,
        fixed=plan is not None and plans.is_sold(plan),
        offer=_offered(plan),
        errors=errors,
    )


def _offered(plan: Plan | None) -> dict[str, Any]:
    """What the fields show: what was typed, else what is there."""
    start = {"name": "", "price": "", "unit": "month", "every": 1}
    known = {name: getattr(plan, name) for name in start} if plan else start
    return known | {name: request.form[name] for name in start if name in request.form}


@blueprint.post("/new")
@allow(OWNER)
def create() -> Page:
    values, errors = typed.checked(request.form, {"code": plans.checked_code, **CHECKS})
    if errors:
        return _form_page(None, **errors), 422
    interval: plans.Interval = values.pop("every")
    unit, every, merchant_id = interval.unit, interval.every, desk.merchant().id
    plan = Plan(merchant_id=merchant_id, unit=unit, every=every, **values)
    if error := saving.refusal(lambda: plans.create(plan, desk.by())):
        return _form_page(None, code=error), 422
    flash("The plan is on sale.")
    return _to(plan)


def _interval(text: str) -> plans.Interval:
    unit = visitor.given().get("unit", "")
    try:
        return plans.checked_interval(f"{text} {unit}")
    except Refused as refusal:
        raise Refused("A period is 1 to 999 days, weeks, months, quarters or years.") from refusal


CHECKS: dict[str, typed.Check] = {
    "name": plans.checked_name,
    "price": plans.checked_price,
    "every": _interval,
}


@blueprint.get("/<int:plan_id>/edit")
@allow(OWNER)
def edit(plan_id: int) -> Page:
    return _form_page(access.mine(Plan, plan_id))


@blueprint.post("/<int:plan_id>/edit")
@allow(OWNER)
def change(plan_id: int) -> Page:
    plan = access.mine(Plan, plan_id)
    values, errors = typed.checked(request.form, _fields())
    if errors:
        return _form_page(plan, **errors), 422
    if error := saving.refusal(lambda: _change(plan, values)):
        return _form_page(plan, every=error), 422
    flash("The plan is changed. Open invoices keep their amount.")
    return _to(plan)


def _fields() -> dict[str, typed.Check]:
    """The form of a plan that somebody has does not send its interval."""
    return {name: check for name, check in CHECKS.items() if name in request.form}


def _change(plan: Plan, values: dict[str, Any]) -> None:
    if "name" in values:
        plans.rename(plan, values["name"], desk.by())
    if "price" in values:
        plans.reprice(plan, values["price"], desk.by())
    if "every" in values:
        plans.change_interval(plan, values["every"], desk.by())


@blueprint.route("/preview", methods=["GET", "POST"])
@allow(OWNER)
def preview() -> Page:
    """The customers' page of a plan as it is being typed, for a frame of ours. Saves nothing."""
    security.show_in_frame()
    values, errors = typed.checked(visitor.given(), CHECKS)
    if errors:
        return render_template("admin/plans/no_preview.html", errors=errors)
    interval: plans.Interval = values.pop("every")
    offer = Offer(**values, unit=interval.unit, every=interval.every)
    blank = dict.fromkeys(("attempt", "phone", "ref", "back"), "")
    return render_template("admin/plans/preview.html", plan=offer, error=None, wait=None, **blank)


@dataclass(frozen=True)
class Turn:
    title: str
    text: str
    button: str
    done: str
    act: Callable[[Plan, By], None]


TURNS = {
    "retire": Turn(
        "Retire the plan",
        "Nobody can subscribe to it any more: its page says that it is not sold. Whoever has it keeps it, "
        "and a request that is open can still be paid.",
        "Retire it",
        "The plan is retired.",
        plans.retire,
    ),
    "sell-again": Turn(
        "Sell the plan again",
        "Customers see it among your plans, and its link works again.",
        "Sell it again",
        "The plan is on sale.",
        plans.sell_again,
    ),
}
NAMES = "any({})".format(",".join(f'"{name}"' for name in TURNS))


@blueprint.get(f"/<int:plan_id>/<{NAMES}:name>")
@allow(OWNER)
def ask_to_turn(plan_id: int, name: str) -> Page:
    return _turn_page(access.mine(Plan, plan_id), name)


def _turn_page(plan: Plan, name: str, error: str | None = None) -> str:
    return render_template("admin/plans/turn.html", one=plan, turn=TURNS[name], error=error)


@blueprint.post(f"/<int:plan_id>/<{NAMES}:name>")
@allow(OWNER)
def turn(plan_id: int, name: str) -> Page:
    plan = access.mine(Plan, plan_id)
    if error := saving.refusal(lambda: TURNS[name].act(plan, desk.by(reasons.given()))):
        return _turn_page(plan, name, error), 422
    flash(TURNS[name].done)
    return _to(plan)


def _to(plan: Plan) -> Response:
    return redirect(url_for("admin.plans.one", plan_id=plan.id), 303)
