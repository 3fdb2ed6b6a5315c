"""Cases about payments: opened, filled with evidence, closed with an outcome. They move no money.

What can happen between the lines:
- the form is sent twice, or two people open a case at once: one open case per payment, by a partial
  unique index; evidence carries the form's key;
- evidence is added while somebody closes: both lock the case, the second one sees what is;
- crash: each act and its event are one commit.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app import audit, clock, crypto
from app.audit import AuditEvent
from app.daraja import StkResult, Unreadable, read_stk_callback
from app.errors import Refused
from app.extensions import db
from app.payments import closing
from app.payments.dispute_models import KINDS, OUTCOMES, Dispute, DisputeEvidence
from app.payments.locking import FRESH
from app.payments.models import Allocation, Callback, Payment, Receipt
from app.payments.staff_models import Act

SHORTEST, LONGEST = 3, 4_000


@dataclass(frozen=True)
class Claim:
    kind: str
    due_on: date
    says: str  # what the customer says


@dataclass(frozen=True)
class Message:
    """What Safaricom told us, without the phone number and their ids."""

    callback: Callback
    result: StkResult | None  # None: nobody can read it, or retention has purged it


@dataclass(frozen=True)
class File:
    """Everything about a payment that can be shown to somebody who decides about a case."""

    payment: Payment
    receipts: list[Receipt]
    allocations: list[Allocation]
    messages: list[Message]
    events: list[AuditEvent]

    @property
    def last_event(self) -> AuditEvent | None:
        """Its hash holds all events before it: none of them can be changed unseen."""
        return self.events[-1] if self.events else None


def open_case(payment: Payment, claim: Claim, act: Act) -> Dispute:
    """The open case of this payment when the same person says the same again. Raises Refused."""
    if claim.kind not in KINDS:
        raise Refused("Choose what the case is about.")
    if claim.due_on < closing.today():
        raise Refused("The day on which the answer is due lies in the past.")
    row = {
        "merchant_id": payment.merchant_id,
        "payment_id": payment.id,
        "kind": claim.kind,
        "due_on": claim.due_on,
        "says": _text(claim.says, "Write what the customer says."),
        "opened_by": act.staff_id,
        "opened_at": clock.now(),
    }
    adding = insert(Dispute).values(row).on_conflict_do_nothing().returning(Dispute.id)
    dispute_id = db.session.scalar(adding)
    if dispute_id is None:
        return _repeated(payment, row["says"], act)
    dispute = db.session.get_one(Dispute, dispute_id)
    told = {"dispute": dispute_id, "kind": claim.kind, "due": claim.due_on.isoformat()}
    audit.record(payment, "dispute.opened", actor=act.actor, **told)
    return dispute


def _text(typed: str, otherwise: str) -> str:
    text = typed.strip()[:LONGEST]
    if len(text) < SHORTEST:
        raise Refused(otherwise)
    return text


def _repeated(payment: Payment, says: object, act: Act) -> Dispute:
    dispute = open_about(payment)
    if dispute is None or (dispute.says, dispute.opened_by) != (says, act.staff_id):
        raise Refused("There is an open case about this payment already.")
    return dispute


def open_about(payment: Payment) -> Dispute | None:
    there = (Dispute.payment_id == payment.id, Dispute.closed_at.is_(None))
    return db.session.scalar(select(Dispute).where(*there))


def add_evidence(dispute_id: int, text: str, act: Act) -> DisputeEvidence:
    """Raises Refused."""
    dispute = _locked(dispute_id)
    same = (
        DisputeEvidence.merchant_id == dispute.merchant_id,
        DisputeEvidence.attempt == act.attempt,
    )
    known = db.session.scalar(select(DisputeEvidence).where(*same))
    text = _text(text, "Write what you have found out.")
    if known is not None and (known.dispute_id, known.text) == (dispute.id, text):
        return known
    if dispute.closed_at is not None:
        raise Refused("The case is closed. Open another one if there is news.")
    evidence = DisputeEvidence(
        merchant_id=dispute.merchant_id,
        dispute_id=dispute.id,
        text=text,
        attempt=act.attempt if known is None else crypto.new_token(),  # gone back to, and changed
        staff_id=act.staff_id,
    )
    db.session.add(evidence)
    db.session.flush()
    audit.record(dispute, "dispute.evidence_added", actor=act.actor, evidence=evidence.id)
    return evidence


def close(dispute_id: int, outcome: str, act: Act) -> None:
    """Raises Refused. The money itself is moved by a refund or a reallocation, never by this."""
    if outcome not in OUTCOMES:
        raise Refused("Choose how it ended.")
    dispute = _locked(dispute_id)
    if dispute.closed_at is not None:
        if dispute.outcome != outcome:
            raise Refused(f"It was closed as {dispute.outcome} already.")
        return
    if not act.reason.strip():
        raise Refused("Give a reason.")
    dispute.outcome = outcome
    dispute.closed_by = act.staff_id
    dispute.closed_at = clock.now()
    payment = db.session.get_one(Payment, dispute.payment_id)
    told = {"dispute": dispute.id, "outcome": outcome, "reason": act.reason}
    audit.record(payment, "dispute.closed", actor=act.actor, **told)


def _locked(dispute_id: int) -> Dispute:
    mine = select(Dispute).where(Dispute.id == dispute_id).with_for_update(key_share=True)
    return db.session.scalars(mine, execution_options=FRESH).one()


def evidence_of(dispute: Dispute) -> list[DisputeEvidence]:
    mine = select(DisputeEvidence).where(DisputeEvidence.dispute_id == dispute.id)
    return list(db.session.scalars(mine.order_by(DisputeEvidence.id)))


def open_count(merchant_id: int) -> int:
    mine = (Dispute.merchant_id == merchant_id, Dispute.closed_at.is_(None))
    return db.session.scalar(select(func.count()).select_from(Dispute).where(*mine)) or 0


def is_due(dispute: Dispute) -> bool:
    return dispute.closed_at is None and dispute.due_on <= closing.today()


def file_of(payment: Payment) -> File:
    receipts = select(Receipt).where(Receipt.payment_id == payment.id)
    callbacks = select(Callback).where(Callback.payment_id == payment.id).order_by(Callback.id)
    events = select(AuditEvent).where(
        AuditEvent.subject_type == "payment", AuditEvent.subject_id == payment.id
    )
    found = list(db.session.scalars(receipts))
    return File(
        payment=payment,
        receipts=found,
        allocations=_allocations([receipt.id for receipt in found]),
        messages=[Message(one, _read(one)) for one in db.session.scalars(callbacks)],
        events=list(db.session.scalars(events.order_by(AuditEvent.id))),
    )


def _allocations(receipt_ids: list[int]) -> list[Allocation]:
    mine = select(Allocation).where(Allocation.receipt_id.in_(receipt_ids))
    return list(db.session.scalars(mine.order_by(Allocation.id)))


def _read(callback: Callback) -> StkResult | None:
    if callback.body_sealed is None:
        return None
    try:
        return read_stk_callback(callback.body)
    except (Unreadable, crypto.CannotOpen):
        return None
