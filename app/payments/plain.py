"""Settle many messages at once, where each is as plain as nearly all are: paid, to the shilling, once.

They share statements and one commit; what is decided about each is decided by the rules of
settlement.py, booking.py and doubts.py, under the same locks, taken kind by kind. Whatever is odd
in any way is left to settlement.settle, which takes one message at a time.

What can happen between the lines:
- crash, or an error, before the commit: nothing of any of them is there, and all are due as before;
- two workers: SKIP LOCKED gives each its own messages, the payments' locks let one of them see `pending`;
- a message twice, in two batches: the second finds `paid`; in one batch: `once` leaves both to settle();
- a number twice: the numbers are locked before they are looked for, and `receipt.code` is unique;
- a receipt that was written twice: `receipt.payment_id` is unique, one prompt pays once;
- what was decided and what is written part ways: everything that `many.save` writes was read under its
  row's lock in this transaction, and it raises where a row is missing; the ledger's trigger sums each transfer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, union_all

from app import clock, crypto, many
from app.daraja import StkResult, Unreadable, Verdict, read_stk_callback
from app.errors import Surprise
from app.extensions import db
from app.payments import booking, doubts, settlement
from app.payments.locking import locked_all, locked_invoices, locked_numbers
from app.payments.models import Callback, Payment, Receipt
from app.payments.states import PENDING


@dataclass(frozen=True)
class Message:
    callback: Callback
    result: StkResult
    payment: Payment

    @property
    def code(self) -> str:
        return self.result.receipt or ""


def settle(callbacks: Sequence[Callback]) -> set[int]:
    """The ids of those that it settled; the caller commits, and sees to the others afterwards."""
    messages = _unbooked(_fitting(callbacks))
    if not messages:
        return set()
    invoices = locked_invoices({message.payment.invoice_id for message in messages})
    there = {invoice.id: invoice for invoice in invoices}
    exact = [m for m in messages if _is_exact(m, there[m.payment.invoice_id].open)]
    if exact:
        _pay(exact)
    return {message.callback.id for message in exact}


def _is_exact(message: Message, is_open: bool) -> bool:  # noqa: FBT001 - a fact of its invoice
    payment = message.payment
    return is_open and payment.invoice.amount == payment.amount == message.result.amount


def _fitting(callbacks: Sequence[Callback]) -> list[Message]:
    """Successes that fit their pending payments, which are locked; of two for one payment neither."""
    once = Counter(callback.payment_id for callback in callbacks)
    paid = [
        (callback, result)
        for callback in callbacks
        if once[callback.payment_id] == 1 and (result := _paid(callback)) is not None
    ]
    if not paid:
        return []
    payments = locked_all({callback.payment_id or 0 for callback, _ in paid})
    messages = [Message(c, r, payments[c.payment_id or 0]) for c, r in paid]
    return [message for message in messages if _fits(message)]


def _paid(callback: Callback) -> StkResult | None:
    try:
        result = read_stk_callback(callback.body)
    except (Unreadable, Surprise, crypto.CannotOpen):
        return None
    return result if result.verdict == Verdict.PAID and result.receipt else None


def _fits(message: Message) -> bool:
    payment = message.payment
    known = payment.checkout_index is not None and payment.accepted_at is not None
    waits = payment.status == PENDING and payment.held_callback_id is None
    return known and waits and doubts.fits(payment, message.result, message.callback.address)


def _unbooked(messages: list[Message]) -> list[Message]:
    """Whose receipt numbers nobody has, nor claims; they are ours alone until commit (M3)."""
    codes = Counter(message.code for message in messages)
    invoices = Counter(message.payment.invoice_id for message in messages)
    alone = [m for m in messages if codes[m.code] == invoices[m.payment.invoice_id] == 1]
    if not alone:
        return []
    numbers = {message.code for message in alone}
    locked_numbers(numbers)
    taken = _taken(numbers)
    return [message for message in alone if message.code not in taken]


def _taken(codes: Iterable[str]) -> set[str | None]:
    columns = (Receipt.code, Receipt.claimed_code)
    queries = [select(column).where(column.in_(codes)) for column in columns]
    return set(db.session.scalars(union_all(*queries)))


def _pay(messages: Sequence[Message]) -> None:
    for message in messages:
        settlement.mark_paid(message.payment, "callback", actor="safaricom")
    receipts = many.insert_new(Receipt, [_receipt(m) for m in messages], by="payment_id")
    payments = [message.payment for message in messages]
    booking.book_exact([(payment, receipts[payment.id]) for payment in payments])
    for message in messages:
        settlement.note(message.callback, message.payment, "paid")
    invoices = [payment.invoice for payment in payments]
    subscriptions = [invoice.subscription for invoice in invoices]
    many.save(payments, invoices, subscriptions, [message.callback for message in messages])


def _receipt(message: Message) -> dict[str, Any]:
    payment = message.payment
    return {
        "merchant_id": payment.merchant_id,
        "payment_id": payment.id,
        "subscriber_id": payment.invoice.subscription.subscriber_id,
        "code": message.code,
        "amount": payment.amount,
        "source": "callback",
        "paid_at": message.result.paid_at or clock.now(),
        "created_at": clock.now(),
    }
