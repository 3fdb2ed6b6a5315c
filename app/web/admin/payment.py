"""One payment: its whole story, and what staff may do about it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.desk import acts, rows, timeline, words
from app.desk.models import LONGEST_NOTE
from app.errors import MustWait, Refused
from app.extensions import db
from app.jobs import bell
from app.payments import disputes
from app.payments.locking import locked
from app.payments.models import Payment
from app.web.admin import access, asking, desk
from app.web.admin.access import ANY, allow
from app.web.admin.hands import HELPERS

blueprint = Blueprint("payment", __name__, url_prefix="/payments/<int:payment_id>")
Page = Response | str | tuple[str, int]


@blueprint.get("/")
@allow(ANY)
def page(payment_id: int) -> Page:
    return _shown(access.mine(Payment, payment_id))


def _shown(payment: Payment, *, error: str | None = None, note_error: str | None = None) -> str:
    return render_template(
        "admin/payments/one.html",
        one=payment,
        row=rows.of([payment.id])[0],
        events=timeline.of(payment),
        cause=words.cause(payment.reason),
        later=acts.later_try(payment),
        why_not_ask=acts.why_not_ask(payment),
        why_not_again=acts.why_not_again(payment),
        case=disputes.open_about(payment),
        longest_note=LONGEST_NOTE,
        error=error,
        note_error=note_error,
    )


@blueprint.post("/ask")
@allow(*HELPERS)
def ask(payment_id: int) -> Page:
    payment = mine_locked(payment_id)
    try:
        acts.ask_now(payment, desk.actor())
        db.session.commit()
    except Refused as refusal:
        return _refused(payment, str(refusal))
    bell.ring(bell.ASK)
    flash("M-PESA is being asked. Its answer is here in some seconds: reload the page.")
    return _back(payment_id)


@blueprint.post("/again")
@allow(*HELPERS)
def again(payment_id: int) -> Page:
    payment = mine_locked(payment_id)
    try:
        new, made = acts.send_again(payment, desk.actor())
        new_id = new.id
        db.session.commit()
    except (MustWait, Refused) as refusal:
        return _refused(payment, asking.sentence(refusal))
    bell.ring(bell.SEND)
    flash("A new request is on its way." if made else "A new request was sent before: this is it.")
    return _back(new_id)


def mine_locked(payment_id: int) -> Payment:
    """As it is now, and ours until the commit."""
    return locked(access.mine(Payment, payment_id).id)


def _refused(payment: Payment, why: str) -> Page:
    db.session.rollback()
    return _shown(payment, error=why), 422


def _back(payment_id: int) -> Page:
    return redirect(url_for("admin.payment.page", payment_id=payment_id), 303)


@blueprint.post("/notes")
@allow(*HELPERS)
def note(payment_id: int) -> Page:
    payment = access.mine(Payment, payment_id)
    try:
        acts.note(payment, desk.person().id, request.form.get("text", ""))
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _shown(payment, note_error=str(refusal)), 422
    flash("The note is kept.")
    return _back(payment_id)
