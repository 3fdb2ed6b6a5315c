"""The payment page: the whole truth about one payment lives at its URL."""

from flask import Blueprint, Flask, abort, jsonify, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from werkzeug import Response

from app import clock, msisdn
from app.errors import BadPhone, MustWait, Refused
from app.extensions import db
from app.jobs import bell, note
from app.logs import log
from app.payments import customer, gate
from app.payments.models import Payment
from app.web import cadence, facts, linking, phases, receipts, standing, unchanged, visitor, words
from app.web.ahead import Ahead, reraise

blueprint = Blueprint("payment", __name__, url_prefix="/pay/<token>")


@blueprint.get("")
def page(token: str) -> str:
    return _shown("checkout/payment.html", token)


@blueprint.get("/status")
def status(token: str) -> str | Response | tuple[str, int]:
    """Nearly always nothing has changed, and unchanged.py has said so: known from a few columns."""
    reraise(request)
    plain = visitor.wants_json()
    if not plain and (seen := request.args.get("v")) and _still(token, seen):
        return Response(status=204)
    known = facts.of(token, owner=visitor.owns(token)) or abort(404)
    phase = phases.of(known, clock.now())
    if plain:
        return jsonify(_plain(known, phase))
    return _rendered("checkout/_payment.html", known, phase)


def _still(token: str, seen: str) -> bool:
    if request.environ.get(unchanged.CHANGED):
        return False
    now = standing.of(token) or abort(404)
    return phases.of(now, clock.now()).version == seen


def _plain(known: facts.Facts, phase: phases.Phase) -> dict[str, object]:
    return {
        "phase": phase.name,
        "status": known.status,
        "reason": known.reason,
        "receipt": known.receipt,
        "amount": known.amount,
        "seconds_left": phase.seconds_left,
    }


@blueprint.get("/receipt")
def receipt(token: str) -> str:
    known = _paid(token)
    return linking.render("checkout/receipt.html", facts=known, rows=receipts.rows(known))


@blueprint.get("/receipt.pdf")
def receipt_pdf(token: str) -> Response:
    known = _paid(token)
    response = Response(receipts.pdf(known), mimetype="application/pdf")
    name = f"receipt-{known.receipt or known.reference}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _paid(token: str) -> facts.Facts:
    """Whoever has the link may see the receipt, with the phone masked."""
    known = facts.of(token, owner=False) or abort(404)
    return known if known.paid_at else abort(404)


@blueprint.post("/entered")
def entered(token: str) -> Response | str:
    customer.entered(_payment(token))
    return _done(token)


@blueprint.post("/not-paid")
def not_paid(token: str) -> Response | str:
    customer.denied(_payment(token))
    return _done(token)


@blueprint.post("/retry")
def retry(token: str) -> Response | str | tuple[str, int]:
    return _again(token, None)


@blueprint.post("/number")
def number(token: str) -> Response | str | tuple[str, int]:
    try:
        phone = msisdn.parse(request.form.get("phone", ""))
    except BadPhone:
        return _refused(token, _("Enter a Safaricom number, like 0712 345 678"))
    return _again(token, phone)


def _again(token: str, phone: str | None) -> Response | str | tuple[str, int]:
    """A new payment for the same invoice; a second tap lands on the one that the first tap made."""
    try:
        payment, made = customer.again(_payment(token), phone, visitor.address())
        new = payment.token
        db.session.commit()
    except MustWait as wait:
        db.session.rollback()
        log().info("must wait", rule=wait.rule)
        note.refusal(wait.rule)
        return _refused(token, _not_yet(wait))
    except Refused as refusal:
        return _refused(token, _(str(refusal)))
    bell.ring(bell.SEND)
    if (made and phone) or visitor.owns(token):  # whoever has only a link learns no number
        visitor.remember(new)
    if not visitor.wants_fragment():
        return redirect(url_for("payment.page", token=new), 303)
    response = Response(_shown("checkout/_payment.html", new))
    response.headers["HX-Push-Url"] = url_for("payment.page", token=new)
    return response


def _not_yet(wait: MustWait) -> str:
    said = _("Please try again in %(wait)s s.", wait=wait.seconds)
    if wait.rule == gate.PAUSED:
        said = _("M-PESA payments are paused. Please come back later.")
    elif wait.rule == gate.BUSY:
        said = _("M-PESA is very busy. Please try again in %(wait)s s.", wait=wait.seconds)
    return str(said)


def _payment(token: str) -> Payment:
    return customer.payment(token) or abort(404)


def _done(token: str) -> Response | str:
    db.session.commit()
    bell.ring(bell.ASK)
    if visitor.wants_fragment():
        return _shown("checkout/_payment.html", token)
    return redirect(url_for("payment.page", token=token), 303)


def _refused(token: str, error: str) -> tuple[str, int]:
    db.session.rollback()
    page = "checkout/_payment.html" if visitor.wants_fragment() else "checkout/payment.html"
    typed = request.form.get("phone", "")
    return _shown(page, token, number_error=error, number_typed=typed), 422


def _shown(template: str, token: str, **more: str) -> str:
    known = facts.of(token, owner=visitor.owns(token)) or abort(404)
    return _rendered(template, known, phases.of(known, clock.now()), **more)


def _rendered(template: str, known: facts.Facts, phase: phases.Phase, **more: str) -> str:
    phase = cadence.for_all(phase)
    return linking.render(template, facts=known, phase=phase, words=words.of(known, phase), **more)


@blueprint.record_once
def _before_flask(state: BlueprintSetupState) -> None:
    if isinstance(state.app, Flask):
        polls = Ahead(state.app, unchanged.find, unchanged.act, unchanged.answer)
        state.app.wsgi_app = polls  # type: ignore[method-assign]
