"""Money that was in our books before its payment was known: a statement brought it, staff booked it.

A message has the number, and finds that money by it. An answer has none. Then only a till's line,
which names no account, can be in suspense (a paybill's waits for its payment: comparing.py); amount
and the minutes of the prompt decide. Which of several alike it takes is a guess about numbers, and
staff are told; that it takes one is not, for otherwise the same money would be there twice (M1). If
it was another prompt's, then this one's own line is still to come, and is booked when it does.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import cache

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Interval,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import aliased

from app import direct, many
from app.billing.models import Invoice
from app.extensions import db
from app.payments import alerts, booking, doubts
from app.payments.locking import locked_nameless, locked_receipt
from app.payments.models import Payment, Receipt
from app.payments.staff_models import Reallocation, StatementLine

# A prompt is paid within minutes of its sending, or never; two clocks may differ (payments/comparing.py).
PROMPT_EARLY, PROMPT_LATE = timedelta(minutes=2), timedelta(minutes=10)


def money(payment: Payment, code: str | None, claimed_code: str | None) -> Receipt | None:
    """The receipt that is this payment's, locked; None: its money is new to us."""
    if code is not None:
        found = doubts.booked(code)
        return locked_receipt(found.id) if found is not None else None
    locked_nameless(payment.merchant_id, payment.amount)
    owner = payment.invoice.subscription.subscriber_id
    free = _waiting(payment, owner)
    named = [receipt for receipt in free if receipt.code == claimed_code]
    if named or (claimed_code is not None and not doubts.code_is_taken(claimed_code, payment)):
        return named[0] if named else None  # a message says another number: these are other money
    return _one_of(payment, [one for one in free if _given_to(one, owner)] or free)


def _waiting(payment: Payment, owner: int) -> list[Receipt]:
    """What no payment has, and staff have given to nobody but this customer; the earliest first."""
    found = [locked_receipt(receipt_id) for receipt_id in nobodys(payment)]
    free = [one for one in found if one.payment_id is None and _may_be(one, owner)]
    return sorted(free, key=lambda one: (one.paid_at, one.id))


def _one_of(payment: Payment, alike: list[Receipt]) -> Receipt | None:
    if not alike:
        return None
    if len(alike) > 1:
        text = (
            f"{len(alike)} sums of KSh {payment.amount:,} came in its minutes; it was given "
            f"{alike[0].code}. If M-PESA's number is another one, both customers have paid all the same."
        )
        alerts.raise_for(payment, "guessed_number", text)
    return alike[0]


def nobodys(payment: Payment) -> list[int]:
    """Money from a till's statement, which names no account, of this prompt's minutes and amount."""
    if payment.sending_at is None:
        return []
    alike = _alike(
        Receipt.merchant_id == payment.merchant_id,
        Receipt.amount == payment.amount,
        Receipt.paid_at.between(
            payment.sending_at - PROMPT_EARLY, payment.sending_at + PROMPT_LATE
        ),
    )
    return list(db.session.scalars(alike.order_by(Receipt.id)))


def may_have_come(rows: direct.Transaction, payment_ids: Collection[int]) -> set[int]:
    """Those of these payments for which there is such money."""
    values = {"ids": list(payment_ids), "early": PROMPT_EARLY, "late": PROMPT_LATE}
    found = rows.exec_driver_sql(_may_have_come_text(), values)
    return {payment_id for (payment_id,) in found}


@cache
def _may_have_come_text() -> str:
    early, late = bindparam("early", type_=Interval), bindparam("late", type_=Interval)
    alike = _alike(
        Receipt.merchant_id == Payment.merchant_id,
        Receipt.amount == Payment.amount,
        Receipt.paid_at.between(Payment.sending_at - early, Payment.sending_at + late),
    )
    ours = Payment.id == func.any(bindparam("ids", type_=ARRAY(BigInteger)))
    return many.text(select(Payment.id).where(ours, alike.correlate(Payment).exists()))


def _alike(*this: ColumnElement[bool]) -> Select[int]:
    named = select(Invoice.id).where(
        Invoice.merchant_id == StatementLine.merchant_id,
        Invoice.reference == StatementLine.reference,
    )
    line = (StatementLine.merchant_id == Receipt.merchant_id, StatementLine.code == Receipt.code)
    query = select(Receipt.id).join(
        StatementLine, and_(*line, StatementLine.paid_in > literal_column("0"))
    )
    nobodys = (Receipt.subscriber_id.is_(None), Receipt.payment_id.is_(None))
    return query.where(*nobodys, *this, ~named.exists())


def _may_be(receipt: Receipt, owner: int) -> bool:
    """In suspense as it came, or somebody has said whose it is: this customer's."""
    return not booking.allocated(receipt) or _given_to(receipt, owner)


def _given_to(receipt: Receipt, owner: int) -> bool:
    """Out of suspense, and for good; where it went from there is the customer's affair."""
    undoing = aliased(Reallocation)
    given = select(Reallocation.id).where(
        Reallocation.receipt_id == receipt.id,
        Reallocation.from_subscriber_id.is_(None),
        Reallocation.to_subscriber_id == owner,
        ~select(undoing.id).where(undoing.undoes_id == Reallocation.id).exists(),
    )
    return db.session.scalar(given.limit(1)) is not None
