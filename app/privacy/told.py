"""The rows that a person is told of, each kind by itself, in the order in which they came."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, select, tuple_

from app import crypto
from app.audit import AuditEvent
from app.billing.models import Invoice, Subscriber, Subscription
from app.desk import masking
from app.desk.models import Note
from app.extensions import Model, db
from app.payments.dispute_models import Dispute, DisputeEvidence
from app.payments.models import Callback, Payment, Receipt
from app.payments.staff_models import MatchProposal, Reallocation, StatementLine
from app.privacy.held import Held

M = TypeVar("M", bound=Model)
Facts = dict[str, Any]


def payments(theirs: Held) -> list[Payment]:
    return _all(select(Payment).where(theirs.payments).order_by(Payment.id))


def subscriptions(person: Subscriber) -> list[Subscription]:
    mine = Subscription.subscriber_id == person.id
    return _all(select(Subscription).where(mine).order_by(Subscription.id))


def invoices(subscription: Subscription) -> list[Invoice]:
    mine = Invoice.subscription_id == subscription.id
    return _all(select(Invoice).where(mine).order_by(Invoice.id))


def receipts(theirs: Held) -> list[Receipt]:
    return _all(select(Receipt).where(Receipt.id.in_(theirs.receipts)).order_by(Receipt.id))


def messages(payment: Payment) -> list[Callback]:
    mine = Callback.payment_id == payment.id
    return _all(select(Callback).where(mine).order_by(Callback.id))


def message(one: Callback, *, in_full: bool) -> Facts:
    """As it came, where it is about nobody else."""
    return {
        "received_at": one.received_at.isoformat(timespec="seconds"),
        "outcome": one.outcome,
        "text": _text(one, in_full=in_full),
    }


def _text(one: Callback, *, in_full: bool) -> str | None:
    if one.body_sealed is None:
        return None
    try:
        return one.body.decode(errors="replace") if in_full else masking.masked(one.body)
    except crypto.CannotOpen:
        return "cannot be opened"


def consent(payment: Payment) -> Facts | None:
    """Which text they read beside the button, in which language, and when they pressed it."""
    if payment.consent_version is None:
        return None
    return {
        "text_version": payment.consent_version,
        "language": payment.consent_language,
        "at": payment.created_at.isoformat(timespec="seconds"),
    }


def notes(payment: Payment) -> list[Note]:
    return _all(select(Note).where(Note.payment_id == payment.id).order_by(Note.id))


def cases(payment: Payment) -> list[Dispute]:
    return _all(select(Dispute).where(Dispute.payment_id == payment.id).order_by(Dispute.id))


def evidence(case: Dispute) -> list[DisputeEvidence]:
    mine = DisputeEvidence.dispute_id == case.id
    return _all(select(DisputeEvidence).where(mine).order_by(DisputeEvidence.id))


def proposals(payment: Payment) -> list[MatchProposal]:
    mine = MatchProposal.payment_id == payment.id
    return _all(select(MatchProposal).where(mine).order_by(MatchProposal.id))


def moves(receipt: Receipt) -> list[Reallocation]:
    mine = Reallocation.receipt_id == receipt.id
    return _all(select(Reallocation).where(mine).order_by(Reallocation.id))


def lines(receipt: Receipt) -> list[StatementLine]:
    mine = (
        StatementLine.merchant_id == receipt.merchant_id,
        StatementLine.code == receipt.code,
    )
    return _all(select(StatementLine).where(*mine).order_by(StatementLine.id))


def events(theirs: Held, made: Sequence[Payment]) -> list[AuditEvent]:
    """What anybody did that touched them."""
    about = [("payment", payment.id) for payment in made]
    about += [("receipt", receipt_id) for receipt_id in theirs.receipts]
    if theirs.person is not None:
        about.append(("subscriber", theirs.person.id))
        for one in subscriptions(theirs.person):
            about.append(("subscription", one.id))
            about += [("invoice", invoice.id) for invoice in invoices(one)]
    mine = tuple_(AuditEvent.subject_type, AuditEvent.subject_id).in_(about)
    of_merchant = AuditEvent.merchant_id == theirs.merchant_id
    return _all(select(AuditEvent).where(mine, of_merchant).order_by(AuditEvent.seq))


def _all(query: Select[M]) -> list[M]:
    return list(db.session.scalars(query))
