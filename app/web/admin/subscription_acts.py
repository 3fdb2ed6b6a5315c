"""What is done with a subscription: ask now, cancel, and back again."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.billing import cancelling, invoices
from app.billing.models import Subscription
from app.errors import MustWait, Refused
from app.extensions import db
from app.payments import by_staff
from app.staff.accounts import By
from app.web.admin import access, asking, desk, reasons, saving, subscriptions
from app.web.admin.access import allow
from app.web.admin.hands import HELPERS

blueprint = Blueprint(
    "subscription_acts", __name__, url_prefix="/subscriptions/<int:subscription_id>"
)
Page = Response | str | tuple[str, int]


@dataclass(frozen=True)
class End:
    act: Callable[[Subscription, By], None]
    done: str


NOW, AT_END = "now", "at_end"
ENDS = {
    AT_END: End(cancelling.end_with_period, "It ends with the paid time."),
    NOW: End(cancelling.cancel, "The subscription is cancelled."),
}


@blueprint.post("/prompt")
@allow(*HELPERS)
def prompt(subscription_id: int) -> Page:
    subscription = access.mine(Subscription, subscription_id)
    try:
        payment = by_staff.ask(subscription, desk.actor(), asking.attempt())
        db.session.commit()
    except (MustWait, Refused) as refusal:
        db.session.rollback()
        return subscriptions.one_page(subscription, asking.sentence(refusal)), 422
    return subscriptions.asked(payment)


@blueprint.get("/cancel")
@allow(*HELPERS)
def ask_to_cancel(subscription_id: int) -> Page:
    return _cancel_page(access.mine(Subscription, subscription_id))


def _cancel_page(subscription: Subscription, error: str | None = None) -> str:
    waiting = invoices.seen_open_of(subscription)
    return render_template(
        "admin/subscriptions/cancel.html", one=subscription, waiting=waiting, error=error
    )


@blueprint.post("/cancel")
@allow(*HELPERS)
def cancel(subscription_id: int) -> Page:
    subscription = access.mine(Subscription, subscription_id)
    if error := saving.refusal(lambda: _cancel(subscription)):
        return _cancel_page(subscription, error), 422
    flash(ENDS[request.form["when"]].done)
    return _back(subscription)


def _cancel(subscription: Subscription) -> None:
    end = ENDS.get(request.form.get("when", ""))
    if end is None:
        raise Refused("Choose when it ends.")
    by = desk.by(reasons.given())
    end.act(by_staff.quiet(subscription), by)


@blueprint.post("/undo")
@allow(*HELPERS)
def undo(subscription_id: int) -> Page:
    subscription = access.mine(Subscription, subscription_id)
    if error := saving.refusal(lambda: cancelling.undo(by_staff.held(subscription), desk.by())):
        return subscriptions.one_page(subscription, error), 422
    flash("The subscription goes on.")
    return _back(subscription)


def _back(subscription: Subscription) -> Response:
    return redirect(url_for("admin.subscriptions.one", subscription_id=subscription.id), 303)
