"""Cases: what customers say about a payment, what we found out, how it ended."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app import crypto
from app.desk import timeline
from app.errors import Refused
from app.extensions import db
from app.payments import closing, disputes
from app.payments.dispute_models import Dispute
from app.payments.disputes import Claim
from app.payments.models import Payment
from app.web.admin import access, desk, hands, rail, saving
from app.web.admin.access import ANY, allow
from app.web.admin.hands import HELPERS, MOVERS

blueprint = Blueprint("disputes", __name__)
MOST = 100
Page = Response | str | tuple[str, int]
KINDS = {
    "charged_twice": "Charged twice",
    "not_received": "Paid, and got nothing",
    "wrong_amount": "Wrong amount",
    "not_mine": "Not their payment",
    "other": "Something else",
}
OUTCOMES = {
    "refunded": "Refunded",
    "accepted": "They are right, without a refund",
    "rejected": "They are not right",
    "withdrawn": "Withdrawn by the customer",
}
rail.BADGES["admin.disputes.index"] = disputes.open_count


@blueprint.get("/disputes/")
@allow(ANY)
def index() -> Page:
    every = access.scoped(Dispute)
    waiting = every.where(Dispute.closed_at.is_(None)).order_by(Dispute.due_on, Dispute.id)
    closed = every.where(Dispute.closed_at.is_not(None)).order_by(Dispute.closed_at.desc())
    return render_template(
        "admin/disputes/index.html",
        waiting=_with_payments(list(db.session.scalars(waiting.limit(MOST)))),
        closed=_with_payments(list(db.session.scalars(closed.limit(MOST)))),
        kinds=KINDS,
        outcomes=OUTCOMES,
    )


def _with_payments(cases: list[Dispute]) -> list[tuple[Dispute, Payment]]:
    ids = {one.payment_id for one in cases}
    found = db.session.scalars(access.scoped(Payment).where(Payment.id.in_(ids)))
    payments = {payment.id: payment for payment in found}
    return [(one, payments[one.payment_id]) for one in cases]


@blueprint.get("/payments/<int:payment_id>/dispute")
@allow(*HELPERS)
def new(payment_id: int) -> Page:
    return _new_page(access.mine(Payment, payment_id))


def _new_page(payment: Payment, error: str | None = None) -> str:
    return render_template(
        "admin/disputes/new.html", payment=payment, kinds=KINDS, today=closing.today(), error=error
    )


@blueprint.post("/payments/<int:payment_id>/dispute")
@allow(*HELPERS)
def open_case(payment_id: int) -> Page:
    payment = access.mine(Payment, payment_id)
    try:
        dispute = _open(payment)
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _new_page(payment, str(refusal)), 422
    flash("The case is open.")
    return redirect(url_for("admin.disputes.one", dispute_id=dispute.id), 303)


def _open(payment: Payment) -> Dispute:
    due_on = hands.day(request.form.get("due_on"))
    if due_on is None:
        raise Refused("Give the day on which the answer is due.")
    claim = Claim(request.form.get("kind", ""), due_on, hands.text("says"))
    return disputes.open_case(payment, claim, hands.act(""))


@blueprint.get("/disputes/<int:dispute_id>")
@allow(ANY)
def one(dispute_id: int) -> Page:
    return _page(access.mine(Dispute, dispute_id))


def _page(dispute: Dispute, error: str | None = None) -> str:
    notes = disputes.evidence_of(dispute)
    people = [note.staff_id for note in notes]
    return render_template(
        "admin/disputes/one.html",
        one=dispute,
        payment=db.session.get_one(Payment, dispute.payment_id),
        notes=notes,
        names=hands.names([dispute.opened_by, dispute.closed_by, *people]),
        kinds=KINDS,
        outcomes=OUTCOMES,
        attempt=request.form.get("attempt") or crypto.new_token(),
        error=error,
    )


@blueprint.post("/disputes/<int:dispute_id>")
@allow(*HELPERS)
def add(dispute_id: int) -> Page:
    dispute = access.mine(Dispute, dispute_id)
    if error := saving.refusal(lambda: _add(dispute.id)):
        return _page(dispute, error), 422
    flash("It is added.")
    return redirect(url_for("admin.disputes.one", dispute_id=dispute_id), 303)


def _add(dispute_id: int) -> None:
    disputes.add_evidence(dispute_id, hands.text("text"), hands.act(""))


@blueprint.get("/disputes/<int:dispute_id>/close")
@allow(*MOVERS)
def ask_close(dispute_id: int) -> Page:
    return _close_page(access.mine(Dispute, dispute_id))


def _close_page(dispute: Dispute, error: str | None = None) -> str:
    return render_template(
        "admin/disputes/close.html", one=dispute, kinds=KINDS, outcomes=OUTCOMES, error=error
    )


@blueprint.post("/disputes/<int:dispute_id>/close")
@allow(*MOVERS)
def close(dispute_id: int) -> Page:
    dispute = access.mine(Dispute, dispute_id)
    outcome = request.form.get("outcome", "")
    if error := saving.refusal(lambda: disputes.close(dispute.id, outcome, hands.act())):
        return _close_page(dispute, error), 422
    flash("The case is closed.")
    return redirect(url_for("admin.disputes.one", dispute_id=dispute_id), 303)


@blueprint.get("/disputes/<int:dispute_id>/evidence")
@allow(ANY)
def evidence(dispute_id: int) -> Page:
    """To be printed, or sent on: everything about the payment, and nobody's number."""
    dispute = access.mine(Dispute, dispute_id)
    payment = db.session.get_one(Payment, dispute.payment_id)
    notes = disputes.evidence_of(dispute)
    people = [dispute.opened_by, dispute.closed_by, *(note.staff_id for note in notes)]
    return render_template(
        "admin/disputes/evidence.html",
        one=dispute,
        file=disputes.file_of(payment),
        timeline=timeline.of(payment),
        notes=notes,
        names=hands.names(people),
        by=desk.person(),
        kinds=KINDS,
        outcomes=OUTCOMES,
    )
