"""Match a payment by hand with a receipt number; decide about what somebody else has proposed."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from app.errors import Refused
from app.extensions import db
from app.payments import matching, statements
from app.payments.models import Payment
from app.payments.staff_models import Act, MatchProposal
from app.web import visitor
from app.web.admin import access, desk, hands, saving
from app.web.admin.access import ANY, allow
from app.web.admin.hands import MOVERS

blueprint = Blueprint("matching", __name__)
Page = Response | str | tuple[str, int]


@blueprint.get("/payments/<int:payment_id>/match")
@allow(*MOVERS, proved=True)
def match(payment_id: int) -> Page:
    return _match_page(access.mine(Payment, payment_id))


def _match_page(payment: Payment, error: str | None = None) -> str:
    return render_template(
        "admin/reconciliation/match.html",
        payment=payment,
        code=visitor.given().get("code", ""),
        error=error,
    )


@blueprint.post("/payments/<int:payment_id>/match")
@allow(*MOVERS, proved=True)
def do_match(payment_id: int) -> Page:
    payment = access.mine(Payment, payment_id)
    try:
        proposal = _match(payment)
        db.session.commit()
    except Refused as refusal:
        db.session.rollback()
        return _match_page(payment, str(refusal)), 422
    waits = "M-PESA has not told us of this number: another person has to approve it."
    flash(waits if proposal else "The payment is paid.")
    return redirect(url_for("admin.payment.page", payment_id=payment_id), 303)


def _match(payment: Payment) -> MatchProposal | None:
    code = matching.typed_code(request.form.get("code", ""))
    return matching.match(payment.id, code, hands.act())


@dataclass(frozen=True)
class Decision:
    title: str
    button: str
    done: str
    act: Callable[[int, Act], None]


DECISIONS = {
    "approve": Decision(
        "Approve the match", "Approve: it is paid", "The payment is paid.", matching.approve
    ),
    "reject": Decision(
        "Reject the match", "Reject it", "The proposal is rejected.", matching.reject
    ),
}
NAMES = "any({})".format(",".join(DECISIONS))


@blueprint.get(f"/reconciliation/proposals/<int:proposal_id>/<{NAMES}:name>")
@allow(*MOVERS, proved=True)
def ask(proposal_id: int, name: str) -> Page:
    return _decision_page(access.mine(MatchProposal, proposal_id), name)


def _decision_page(proposal: MatchProposal, name: str, error: str | None = None) -> str:
    payment = db.session.get_one(Payment, proposal.payment_id)
    return render_template(
        "admin/reconciliation/decide.html",
        proposal=proposal,
        payment=payment,
        line=statements.money_in(proposal.merchant_id, proposal.code),
        names=hands.names([proposal.proposed_by]),
        mine=proposal.proposed_by == desk.person().id,
        decision=DECISIONS[name],
        error=error,
    )


@blueprint.post(f"/reconciliation/proposals/<int:proposal_id>/<{NAMES}:name>")
@allow(*MOVERS, proved=True)
def decide(proposal_id: int, name: str) -> Page:
    proposal = access.mine(MatchProposal, proposal_id)
    if error := saving.refusal(lambda: DECISIONS[name].act(proposal.id, hands.act())):
        return _decision_page(proposal, name, error), 422
    flash(DECISIONS[name].done)
    return redirect(url_for("admin.reconciliation.index"), 303)


@blueprint.get("/reconciliation/proposals")
@allow(ANY)
def decided() -> Page:
    """What was decided, newest first."""
    query = access.scoped(MatchProposal).where(MatchProposal.decided_at.is_not(None))
    found = list(db.session.scalars(query.order_by(MatchProposal.id.desc()).limit(100)))
    people = {one.proposed_by for one in found} | {one.decided_by for one in found}
    return render_template(
        "admin/reconciliation/decided.html", proposals=found, names=hands.names(people)
    )
