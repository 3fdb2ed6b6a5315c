"""Erase a person: they go, the money stays, the chains still verify (M13, ADR 0018).

What can happen between the lines:
- crash: one merchant's person is one commit; run again, it goes on with the other merchants;
- they buy meanwhile: the phone's lock lets one of us be first; after us they are a new person;
- a button of theirs is pressed meanwhile: it holds the payment and waits for the phone, so we take
  the payments without waiting, and refuse with a sentence;
- a message of theirs comes meanwhile, or years later: its hook's hash is still there, it is settled
  on what is left of them, and retention takes off again what it brought.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app import audit, clock
from app.billing import cancelling, invoices
from app.billing.models import Subscriber, Subscription
from app.errors import Refused
from app.extensions import db
from app.payments import booking, limits
from app.payments.dispute_models import Dispute
from app.payments.locking import FRESH, locked_subscribers
from app.payments.models import Allocation, Callback, Payment
from app.payments.staff_models import MatchProposal
from app.payments.states import LIVE, UNCONFIRMED
from app.privacy import held, severing
from app.privacy.held import Held
from app.staff.accounts import By

PATIENCE = timedelta(days=1)
SHOWN = 5  # ids in one sentence
UNSETTLED = "A message of M-PESA about it waits to be settled: see `flask callbacks`."
UNDECIDED = "Somebody says that it was paid; another person has to decide."
DISPUTED = "A case about it is open: close it first."


@dataclass(frozen=True)
class Gone:
    merchant_id: int
    person_id: int | None  # None: the number only paid for others
    payments: int
    cancelled: int
    balance: int  # whole shillings that are still theirs


def erase(merchant_id: int, phone: str, by: By) -> Gone:
    """Raises Refused while anything of theirs is on its way. The caller commits."""
    limits.lock_key(held.at(merchant_id, phone).index)
    theirs = held.at(merchant_id, phone)
    payments = _ours(theirs)
    _refuse_while_open(payments)
    cancelled = _cancelled(theirs.person, by) if theirs.person else 0
    balance = _balance(theirs.person)
    severing.sever(theirs, payments)
    gone = Gone(
        merchant_id, theirs.person.id if theirs.person else None, len(payments), cancelled, balance
    )
    _tell(theirs, payments, gone, by)
    return gone


def _ours(theirs: Held) -> list[Payment]:
    query = select(Payment).where(theirs.payments).order_by(Payment.id)
    locking = query.with_for_update(nowait=True, key_share=True)
    try:
        return list(db.session.scalars(locking, execution_options=FRESH))
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Refused(
                "Something is just happening to one of their payments. Run it again."
            ) from error
        raise


def _refuse_while_open(payments: list[Payment]) -> None:
    for why, found in _open(payments):
        if found:
            raise Refused(f"Payment {', '.join(map(str, found[:SHOWN]))}: {why}")


def _open(payments: list[Payment]) -> Iterator[tuple[str, Sequence[int]]]:
    ids = [payment.id for payment in payments]
    live = [one.id for one in payments if one.status in LIVE]
    yield "A request may be on the phone: wait two minutes.", live
    asked = [one.id for one in payments if one.status == UNCONFIRMED or _is_asked(one)]
    yield "M-PESA is still being asked about it: wait until that is over.", asked
    for why, column, which in (
        (UNSETTLED, Callback.payment_id, Callback.settled_at.is_(None)),
        (UNDECIDED, MatchProposal.payment_id, MatchProposal.decided_at.is_(None)),
        (DISPUTED, Dispute.payment_id, Dispute.closed_at.is_(None)),
    ):
        query = select(column).where(column.in_(ids), which).order_by(column)
        yield why, [found for found in db.session.scalars(query) if found is not None]


def _is_asked(payment: Payment) -> bool:
    """Soon after its end. A month of unanswered questions is more than the law lets people wait."""
    ended = payment.ended_at or payment.created_at
    return payment.next_question_at is not None and ended > clock.now() - PATIENCE


def _cancelled(person: Subscriber, by: By) -> int:
    """Nothing is asked of them any more. How many of their subscriptions were running."""
    mine = (Subscription.subscriber_id == person.id, Subscription.cancelled_at.is_(None))
    running = db.session.scalars(select(Subscription).where(*mine).order_by(Subscription.id)).all()
    for subscription in running:
        invoices.open_of(subscription)
    for subscription in running:
        db.session.refresh(subscription, with_for_update={"key_share": True})
        cancelling.cancel(subscription, by)
    return len(running)


def _balance(person: Subscriber | None) -> int:
    if person is None:
        return 0
    locked_subscribers(person.id)
    return booking.balance(person.id)


def _tell(theirs: Held, payments: list[Payment], gone: Gone, by: By) -> None:
    """The audit log says that somebody was erased, by whom and why; never who."""
    if theirs.person is not None:
        audit.record(
            theirs.person,
            "subscriber.erased",
            actor=by.actor,
            payments=gone.payments,
            cancelled=gone.cancelled,
            balance=gone.balance,
            **by.details(),
        )
    for payment in payments:
        audit.record(payment, "payment.severed", actor=by.actor)


def balances() -> list[tuple[int, int]]:
    """Customers who were erased, and whole shillings that are still theirs."""
    left = func.sum(Allocation.amount)
    query = (
        select(Subscriber.id, left)
        .join(Allocation, Allocation.subscriber_id == Subscriber.id)
        .where(Subscriber.erased_at.is_not(None))
        .group_by(Subscriber.id)
        .having(left > 0)
    )
    return [
        (person_id, int(amount))
        for person_id, amount in db.session.execute(query.order_by(Subscriber.id))
    ]
