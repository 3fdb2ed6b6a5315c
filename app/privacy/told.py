"""The rows that a person is told of, each kind by itself, in the order in which they came."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, inspect, select, tuple_

from app import crypto
from app.audit import AuditEvent
from app.billing.models import Invoice, Subscriber, Subscription
from app.desk import masking
from app.desk.models import Note
from app.extensions import Model, db
from app.payments.dispute_models import Dispute, DisputeEvidence
from app.payments.models import Callback, Payment, Receipt
from app.payments.renewal_models import Renewal
from app.payments.staff_models import MatchProposal, Reallocation, StatementLine
from app.privacy.held import Held

M = TypeVar("M", bound=Model)
Facts = dict[str, Any]


def payments(theirs: Held) -> list[Payment]:
    return _rows(Payment, theirs.payments)


def subscriptions(person: Subscriber) -> list[Subscription]:
    return _rows(Subscription, Subscription.subscriber_id == person.id)


def invoices(subscription: Subscription) -> list[Invoice]:
    return _rows(Invoice, Invoice.subscription_id == subscription.id)


def renewal(invoice: Invoice) -> Renewal | None:
    """That they were to be asked for it, and what became of that."""
    return db.session.scalar(select(Renewal).where(Renewal.invoice_id == invoice.id))


def receipts(theirs: Held) -> list[Receipt]:
    return _rows(Receipt, Receipt.id.in_(theirs.receipts))


def messages(payment: Payment) -> list[Callback]:
    return _rows(Callback, Callback.payment_id == payment.id)


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
    return _rows(Note, Note.payment_id == payment.id)


def cases(payment: Payment) -> list[Dispute]:
    return _rows(Dispute, Dispute.payment_id == payment.id)


def evidence(case: Dispute) -> list[DisputeEvidence]:
    return _rows(DisputeEvidence, DisputeEvidence.dispute_id == case.id)


def proposals(payment: Payment) -> list[MatchProposal]:
    return _rows(MatchProposal, MatchProposal.payment_id == payment.id)


def moves(receipt: Receipt) -> list[Reallocation]:
    return _rows(Reallocation, Reallocation.receipt_id == receipt.id)


def lines(receipt: Receipt) -> list[StatementLine]:
    mine = (
        StatementLine.merchant_id == receipt.merchant_id,
        StatementLine.code == receipt.code,
    )
    return _rows(StatementLine, *mine)


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
    query = select(AuditEvent).where(mine, of_merchant).order_by(AuditEvent.seq)
    return list(db.session.scalars(query))


def _rows(model: type[M], *mine: ColumnElement[bool]) -> list[M]:
    query = select(model).where(*mine).order_by(*inspect(model).primary_key)
    return list(db.session.scalars(query))
