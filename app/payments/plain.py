"""Settle many payments at once, where each is as plain as nearly all are: paid, to the shilling, once.

Messages and answers share statements and one commit; what is decided about each is decided by the
rules of settlement.py, booking.py, doubts.py and earlier.py. Whatever is odd in any way, or held by
anybody, is left to settlement.settle and reconciliation.answered, which take one at a time, and wait.

What can happen between the lines:
- crash, or an error, before the commit: nothing of any of them is there, and all are due as before;
- two workers: SKIP LOCKED gives each its own messages; a payment that one has, the other leaves (chains.py);
- a message twice, in two batches: the second finds `paid`; in one batch: `once` leaves both to settle();
- a message and an answer for one payment: who has its lock pays it, the other one finds `paid`, alone;
- a number twice: the numbers are taken before they are looked for, and `receipt.code` is unique;
- money that a statement brought first: a message's by its number; an answer has none, and takes the lock of
  whoever books nameless money (earlier.py) before it looks whether there is any that could be this one;
- a receipt that was written twice: `receipt.payment_id` is unique, one prompt pays once;
- what was decided and what is written part ways: everything that `many.save` writes was read under its
  row's lock in this transaction, and it raises where a row is missing; the ledger's trigger sums each transfer.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, String, bindparam, func, select, union_all

from app import clock, crypto, direct, many
from app.daraja import StkResult, Unreadable, Verdict, read_stk_callback
from app.errors import Surprise
from app.payments import booking, chains, doubts, earlier, limits, settlement
from app.payments.chains import Message
from app.payments.locking import nameless_key, number_key
from app.payments.models import Callback, Payment, Receipt
from app.payments.states import PENDING, UNCONFIRMED


@dataclass(frozen=True)
class Money:
    """What pays a payment: a message's, with its number, or an answer's, without one."""

    payment: Payment
    source: str
    code: str | None = None
    paid_at: datetime | None = None
    callback: Callback | None = None


def settle(rows: direct.Transaction, messages: Sequence[Message]) -> set[int]:
    """The ids of those that it settled; the caller commits, and sees to the others afterwards."""
    money = _exact(_unbooked(rows, _fitting(messages)))
    _pay(rows, money)
    return {one.callback.id for one in money if one.callback}


def answer_paid(
    rows: direct.Transaction, payment_ids: Collection[int], hear: Callable[[Payment], None]
) -> set[int]:
    """Those of these payments, of which M-PESA says that they are paid, that it settled. Each is
    first told to `hear`; the caller commits."""
    waiting = [p for p in chains.of_payments(rows, payment_ids) if _waits(p, PENDING, UNCONFIRMED)]
    money = _exact(_new(rows, [Money(payment, "query") for payment in waiting]))
    for one in money:
        hear(one.payment)
    _pay(rows, money)
    return {one.payment.id for one in money}


def _exact(money: Sequence[Money]) -> list[Money]:
    """What pays an open invoice to the shilling, which nothing else here pays."""
    times = Counter(one.payment.invoice_id for one in money)
    return [one for one in money if times[one.payment.invoice_id] == 1 and _is_exact(one.payment)]


def _is_exact(payment: Payment) -> bool:
    return payment.invoice.open and payment.invoice.amount == payment.amount


def _fitting(messages: Sequence[Message]) -> list[Money]:
    """Successes that fit their pending payments; of two for one payment neither."""
    once = Counter(message.callback.payment_id for message in messages)
    found = []
    for message in messages:
        payment, callback = message.payment, message.callback
        if payment is None or once[payment.id] > 1 or not _is_known(payment):
            continue
        result = _paid(callback)
        if result is not None and doubts.fits(payment, result, callback.address):
            found.append(Money(payment, "callback", result.receipt, result.paid_at, callback))
    return found


def _is_known(payment: Payment) -> bool:
    """Safaricom's id for it is, and that it waits for money."""
    known = payment.checkout_index is not None and payment.accepted_at is not None
    return known and _waits(payment, PENDING)


def _waits(payment: Payment, *among: str) -> bool:
    return payment.status in among and payment.held_callback_id is None


def _paid(callback: Callback) -> StkResult | None:
    try:
        result = read_stk_callback(callback.body)
    except (Unreadable, Surprise, crypto.CannotOpen):
        return None
    return result if result.verdict == Verdict.PAID and result.receipt else None


def _unbooked(rows: direct.Transaction, money: Sequence[Money]) -> list[Money]:
    """Whose numbers nobody has, nor claims; they are ours alone until commit (M3)."""
    times = Counter(one.code for one in money)
    by_code = {one.code: one for one in money if one.code and times[one.code] == 1}
    if not by_code:
        return []
    keys = {number_key(code): code for code in by_code}
    ours = {keys[key] for key in limits.free_keys(rows, keys)}
    taken = {code for (code,) in rows.exec_driver_sql(_taken_text(), {"codes": list(ours)})}
    return [by_code[code] for code in by_code if code in ours - taken]


@cache
def _taken_text() -> str:
    codes = bindparam("codes", type_=ARRAY(String))
    columns = (Receipt.code, Receipt.claimed_code)
    return many.text(union_all(*(select(c).where(c == func.any(codes)) for c in columns)))


def _new(rows: direct.Transaction, money: Sequence[Money]) -> list[Money]:
    """Where no money without an owner could be this, which has no number; it is ours to say so."""
    if not money:
        return []
    keys = {one.payment.id: _nameless_key(one.payment) for one in money}
    ours = limits.free_keys(rows, set(keys.values()))
    free = [one for one in money if keys[one.payment.id] in ours]
    there = earlier.may_have_come(rows, [one.payment.id for one in free])
    return [one for one in free if one.payment.id not in there]


def _nameless_key(payment: Payment) -> bytes:
    return nameless_key(payment.merchant_id, payment.amount)


def _pay(rows: direct.Transaction, money: Sequence[Money]) -> None:
    if not money:
        return
    for one in money:
        settlement.mark_paid(one.payment, one.source, actor="safaricom")
    receipts = many.insert_new(rows, Receipt, [_receipt(one) for one in money], by="payment_id")
    booking.book_exact(rows, [(one.payment, receipts[one.payment.id]) for one in money])
    messages = [(one.callback, one.payment) for one in money if one.callback]
    for callback, payment in messages:
        settlement.note(callback, payment, "paid")
    _save(rows, [one.payment for one in money], [callback for callback, _ in messages])


def _save(
    rows: direct.Transaction, payments: Sequence[Payment], callbacks: Sequence[Callback]
) -> None:
    invoices = [payment.invoice for payment in payments]
    subscriptions = [invoice.subscription for invoice in invoices]
    many.save(rows, payments, invoices, subscriptions, callbacks)


def _receipt(one: Money) -> dict[str, Any]:
    payment = one.payment
    return {
        "merchant_id": payment.merchant_id,
        "payment_id": payment.id,
        "subscriber_id": payment.invoice.subscription.subscriber_id,
        "code": one.code,
        "amount": payment.amount,
        "source": one.source,
        "paid_at": one.paid_at or clock.now(),
        "created_at": clock.now(),
    }
