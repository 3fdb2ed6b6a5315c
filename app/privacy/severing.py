"""Take the person off the rows, and leave what the books and the tax law need (ADR 0018).

Kept: receipt number, amount, date, invoice, plan, period, the hash of Safaricom's hook (late money
is still booked), and what the customer agreed to. Gone: everything that leads to somebody.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, update

from app import clock
from app.billing.models import Invoice
from app.desk.models import Note
from app.extensions import Model, db
from app.payments.dispute_models import Dispute, DisputeEvidence
from app.payments.models import Callback, Payment, Receipt
from app.payments.staff_models import MatchProposal, Reallocation, StatementLine
from app.privacy.held import Held

ERASED = "(erased)"  # the one word that the triggers let take the place of what somebody wrote
OF_PAYMENT = (
    *("phone_index", "phone_sealed", "address_index", "ref", "return_url", "attempt"),
    *("checkout_index", "checkout_sealed"),  # they end in the phone's digits
    "next_question_at",  # there is nothing left to ask by
)


def sever(theirs: Held, payments: Sequence[Payment]) -> None:
    """The caller holds them, and has made sure that nothing of theirs is on its way."""
    ids, receipts = [payment.id for payment in payments], theirs.receipts
    _messages(ids)
    _written(ids)
    _change(Reallocation, Reallocation.receipt_id.in_(receipts), reason=ERASED)
    _references(receipts)
    for payment in payments:
        for name in OF_PAYMENT:
            setattr(payment, name, None)
    if (person := theirs.person) is not None:
        person.phone_index = person.phone_sealed = None
        person.name = person.language = None
        person.erased_at = clock.now()
    db.session.flush()


def _messages(payment_ids: list[int]) -> None:
    settled = Callback.settled_at.is_not(None)
    _change(Callback, Callback.payment_id.in_(payment_ids), settled, body_sealed=None)


def _written(payment_ids: list[int]) -> None:
    """What staff wrote about them, in their own words."""
    cases = select(Dispute.id).where(Dispute.payment_id.in_(payment_ids))
    _change(Note, Note.payment_id.in_(payment_ids), text=ERASED)
    _change(DisputeEvidence, DisputeEvidence.dispute_id.in_(cases), text=ERASED)
    _change(Dispute, Dispute.payment_id.in_(payment_ids), says=ERASED)
    _change(MatchProposal, MatchProposal.payment_id.in_(payment_ids), reason=ERASED)


def _references(receipts: list[int]) -> None:
    """What a payer typed as account number, where it is none of ours: their phone, or their name."""
    line = (StatementLine.merchant_id == Receipt.merchant_id, StatementLine.code == Receipt.code)
    of_theirs = select(Receipt.id).where(*line, Receipt.id.in_(receipts)).exists()
    ours = select(Invoice.id).where(
        Invoice.merchant_id == StatementLine.merchant_id,
        Invoice.reference == StatementLine.reference,
    )
    _change(StatementLine, of_theirs, ~ours.exists(), reference=None)


def _change(model: type[Model], *which: ColumnElement[bool], **values: Any) -> None:
    changed = update(model).where(*which).values(values)
    db.session.execute(changed.execution_options(synchronize_session=False))
