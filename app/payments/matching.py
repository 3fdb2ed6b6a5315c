"""Match a payment by hand with the receipt number that the customer has in an SMS.

Where Safaricom's evidence is here, a statement's line or money in suspense, one person may do it.
Without it there must be two: one proposes, another one approves (M2). The number is a claim then,
and blocks nobody (M3); a callback or a statement that brings it later joins this receipt.

What can happen between the lines:
- crash: payment, receipt, allocations, transfers and events are one commit, or nothing;
- a double click: under the payment's lock the second one finds it paid with this number, and is
  content; a second proposal meets `uq_match_proposal_open`; a second approval finds the decision;
- a callback or an answer says "paid" meanwhile: the payment's lock lets one of us be first. If it
  is they, we say "paid already"; if it is we, they join their number, or find the same one;
- the number's money arrives meanwhile, by callback for another payment, or booked from a
  statement: all who verify a number, or look for it, hold its lock first (locking.locked_number);
- staff move the money out of suspense meanwhile: they hold the receipt's row, as we do;
- evidence comes between proposal and approval: it is looked for again, and then it is used, so
  that one sum is not booked twice (M1);
- one person twice: `decided_by <> proposed_by`, in the database.
Order of locks: Payment, number, MatchProposal, nameless money, Receipt, Invoice, Subscription, Subscriber.
"""

import re

from sqlalchemy import select

from app import audit, clock
from app.errors import Refused
from app.extensions import db
from app.payments import booking, doubts, evidence, settlement, statements
from app.payments.locking import FRESH, locked, locked_number
from app.payments.models import Payment, Receipt
from app.payments.settlement import Evidence
from app.payments.staff_models import Act, MatchProposal, StatementLine
from app.payments.states import CREATED, PAID, PENDING, SENDING

CODE = re.compile(r"[A-Z0-9]{10}", re.ASCII)
APPROVED, REJECTED = "approved", "rejected"


def typed_code(text: str) -> str:
    """As M-PESA writes it. Raises Refused."""
    code = "".join(text.split()).upper()
    if not text.isascii() or not CODE.fullmatch(code):  # ß would become SS
        raise Refused("An M-PESA receipt number is 10 letters and digits, like TKL4H7Q2MX.")
    return code


def match(payment_id: int, code: str, act: Act) -> MatchProposal | None:
    """Paid, where the evidence is here (None); else a proposal for another person. Raises Refused."""
    payment = _open(payment_id, code)
    if payment is None:
        return None
    locked_number(code)
    found = evidence.of(payment, code)
    if not found.there:
        return _propose(payment, code, act)
    _pay(payment, found, act.actor, code=code, reason=act.reason)
    return None


def _open(payment_id: int, code: str) -> Payment | None:
    """The payment, locked; None when it is paid with this number already. Raises Refused."""
    payment = locked(payment_id)
    if payment.status != PAID:
        if payment.status in (CREATED, SENDING):
            raise Refused("Its prompt is on its way to the phone. Wait a minute.")
        return payment
    receipt = db.session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()
    if code not in (receipt.code, receipt.claimed_code):
        raise Refused("This payment is paid already.")
    return None


def _pay(payment: Payment, found: evidence.Found, actor: str, **told: str) -> None:
    """As settlement would: the invoice is paid, the period given, the money booked once."""
    kind = "suspense" if found.receipt is not None else "statement"
    audit.record(payment, "payment.matched", actor=actor, evidence=kind, **told)
    settlement.mark_paid(payment, "statement", actor=actor)
    doubts.tell_of_claims(payment, told["code"])
    if found.receipt is not None:
        booking.adopt(found.receipt, payment)
    elif found.line is not None:
        settlement.bring(payment, _told_by(found.line), "statement")


def _told_by(line: StatementLine) -> Evidence:
    return Evidence(statements.whole(line), code=line.code, paid_at=line.completed_at)


def _propose(payment: Payment, code: str, act: Act) -> MatchProposal:
    if payment.status == PENDING:
        raise Refused("The prompt is still on the phone. Wait two minutes.")
    waiting = (MatchProposal.payment_id == payment.id, MatchProposal.decided_at.is_(None))
    known = db.session.scalar(select(MatchProposal).where(*waiting))
    if known is not None:
        if known.code != code:
            raise Refused(f"{known.code} is proposed for this payment. Decide about that first.")
        return known
    proposal = MatchProposal(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        code=code,
        amount=payment.amount,
        reason=act.reason,
        proposed_by=act.staff_id,
    )
    db.session.add(proposal)
    db.session.flush()
    audit.record(payment, "match.proposed", actor=act.actor, code=code, reason=act.reason)
    return proposal


def approve(proposal_id: int, act: Act) -> None:
    """Another person agrees: the payment is paid. Raises Refused."""
    proposal, payment = _locked_proposal(proposal_id)
    if proposal.decision == APPROVED:
        return
    _check_undecided(proposal)
    if proposal.proposed_by == act.staff_id:
        raise Refused("You proposed it: another person has to approve it.")
    if payment.status == PAID:
        raise Refused("This payment is paid already. Reject the proposal.")
    found = evidence.of(payment, proposal.code)
    _decide(proposal, APPROVED, act)
    told = {"code": proposal.code, "reason": act.reason}
    audit.record(payment, "match.approved", actor=act.actor, proposal=proposal.id, **told)
    if found.there:
        _pay(payment, found, act.actor, **told)
        return
    settlement.mark_paid(payment, "staff", actor=act.actor)
    settlement.bring(payment, Evidence(proposal.amount, claimed_code=proposal.code), "staff")


def reject(proposal_id: int, act: Act) -> None:
    """Whoever may approve may reject; whoever proposed it may not take it back alone."""
    proposal, payment = _locked_proposal(proposal_id)
    if proposal.decision == REJECTED:
        return
    _check_undecided(proposal)
    if proposal.proposed_by == act.staff_id:
        raise Refused("You proposed it: another person has to reject it.")
    _decide(proposal, REJECTED, act)
    told = {"proposal": proposal.id, "code": proposal.code, "reason": act.reason}
    audit.record(payment, "match.rejected", actor=act.actor, **told)


def _locked_proposal(proposal_id: int) -> tuple[MatchProposal, Payment]:
    seen = db.session.get_one(MatchProposal, proposal_id)
    payment = locked(seen.payment_id)
    locked_number(seen.code)
    mine = select(MatchProposal).where(MatchProposal.id == proposal_id).with_for_update()
    return db.session.scalars(mine, execution_options=FRESH).one(), payment


def _check_undecided(proposal: MatchProposal) -> None:
    if proposal.decided_at is not None:
        raise Refused(f"It was {proposal.decision} already.")


def _decide(proposal: MatchProposal, decision: str, act: Act) -> None:
    proposal.decision = decision
    proposal.decided_by = act.staff_id
    proposal.decided_at = clock.now()


def waiting(merchant_id: int) -> list[MatchProposal]:
    """Proposals that want a second person."""
    mine = select(MatchProposal).where(MatchProposal.merchant_id == merchant_id)
    undecided = mine.where(MatchProposal.decided_at.is_(None))
    return list(db.session.scalars(undecided.order_by(MatchProposal.id)))
