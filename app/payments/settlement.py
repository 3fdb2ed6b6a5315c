"""Turn Safaricom's word into money received and time given: one payment, one lock, one commit.

Whatever the order of callbacks, answers and repeats, what decides is the payment's row under its
lock: `paid` is left by nothing, `failed` only for `paid`, and a receipt exists once per payment.
A statement may have told us of the money first: its number is locked before it is looked for, so
that money which is there already is found, and never booked a second time (M1).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from app import audit, clock
from app.daraja import Reason, StkResult, Verdict, read_stk_callback
from app.extensions import db
from app.payments import alerts, booking, doubts, earlier, schedule, sending
from app.payments.locking import locked, locked_number
from app.payments.models import Callback, Payment, Receipt
from app.payments.states import FAILED, PAID, PENDING, SENDING

# Safaricom gives "closed by the customer" and "timed out" the same number (ux.md §2).
TIMED_OUT_AFTER = timedelta(seconds=50)


def settle(callback: Callback) -> None:
    """Applies one kept message. Raises daraja.Unreadable for one that cannot be read."""
    result = read_stk_callback(callback.body)
    payment = locked(callback.payment_id or 0)
    note(callback, payment, _apply(payment, result, callback))


def note(callback: Callback, payment: Payment, outcome: str) -> None:
    """What the message came to: it is settled."""
    callback.outcome = outcome
    callback.settled_at = clock.now()
    audit.record(
        payment,
        "callback.settled",
        actor="safaricom",
        callback=callback.id,
        outcome=outcome,
    )


def _apply(payment: Payment, result: StkResult, callback: Callback) -> str:
    if result.verdict == Verdict.PAID:
        return _success(payment, result, callback)
    if result.verdict == Verdict.FAILED:
        return _failure(payment, result, callback)
    return "still in process: ignored"


def _success(payment: Payment, result: StkResult, callback: Callback) -> str:
    if result.receipt is not None:
        locked_number(result.receipt)
    if payment.status == PAID:
        return _join(payment, result)
    if found := doubts.about(payment, result, callback.address):
        return _hold(payment, result, callback, found)
    _adopt(payment, result)
    _credit(payment, evidence(result, payment), "callback")
    return "paid"


def _hold(payment: Payment, result: StkResult, callback: Callback, found: list[str]) -> str:
    """Odd: Safaricom is asked before anything settles. The best message of the odd ones is kept."""
    why = ", ".join(found)
    if payment.held_callback_id is None:
        payment.rechecks = 0
        text = f"A message says paid, but: {why}. Asking M-PESA."
        alerts.raise_for(payment, "odd_callback", text)
    if payment.held_callback_id is None or result.receipt:
        payment.held_callback_id = callback.id
    _adopt(payment, result)
    schedule.hurry(payment)
    return f"held: {why}"


def _adopt(payment: Payment, result: StkResult) -> None:
    """The push's answer was lost or is late: the message with the right token has the id."""
    sending.identify(payment, result.checkout_request_id, payment.sending_at)
    if payment.status == SENDING:
        payment.move_to(PENDING, actor="safaricom", by="callback")


def _failure(payment: Payment, result: StkResult, callback: Callback) -> str:
    if payment.status == PAID:
        text = f"A message says failed ({result.code}) after the payment was paid. Nothing changed."
        alerts.raise_for(payment, "contradiction", text)
        return "failure after success: ignored"
    if found := doubts.about_failure(payment, result, callback.address):
        _adopt(payment, result)
        schedule.hurry(payment)
        return f"held: {', '.join(found)}"
    if payment.status == FAILED:
        return "failed already"
    _adopt(payment, result)
    fail(payment, result.reason, result.code, at=callback.received_at)
    payment.next_question_at = None
    if payment.reason == Reason.UNKNOWN:  # final for the customer, and worth two questions
        schedule.plan_next(payment)
    return "failed"


def fail(payment: Payment, reason: Reason | None, code: str, *, at: datetime) -> None:
    """Safaricom's definite no, heard at `at`."""
    if reason == Reason.CANCELLED and at - schedule.asked_since(payment) >= TIMED_OUT_AFTER:
        reason = Reason.EXPIRED
    payment.code = code
    payment.ended_at = clock.now()
    payment.move_to(FAILED, actor="safaricom", reason=reason, code=code)


@dataclass(frozen=True)
class Evidence:
    """What Safaricom says it took. A claimed code is shown to staff and blocks nothing (M3)."""

    amount: int
    code: str | None = None
    claimed_code: str | None = None
    paid_at: datetime | None = None


def evidence(result: StkResult, payment: Payment) -> Evidence:
    """The message's own facts, as far as they can be trusted once the payment is believed."""
    whole = result.amount is not None and result.amount == result.amount.to_integral_value()
    amount = int(result.amount or Decimal(0)) if whole else 0
    trusted = not doubts.other_id(payment, result)
    taken = result.receipt is not None and doubts.code_is_taken(result.receipt, payment)
    return Evidence(
        amount=amount if trusted and amount > 0 else payment.amount,
        code=result.receipt if trusted and not taken else None,
        claimed_code=None if trusted and not taken else result.receipt,
        paid_at=result.paid_at if trusted else None,
    )


def found_paid(payment: Payment) -> None:
    """A question was answered "paid". A message that was held for it brings its receipt."""
    held = db.session.get(Callback, payment.held_callback_id) if payment.held_callback_id else None
    facts = Evidence(payment.amount)
    if held is not None and held.body_sealed is not None:
        result = read_stk_callback(held.body)
        if result.receipt is not None:
            locked_number(result.receipt)
        facts = evidence(result, payment)
    _credit(payment, facts, "query")


def _credit(payment: Payment, facts: Evidence, source: str) -> None:
    first = earlier.money(payment, facts.code, facts.claimed_code)
    mark_paid(payment, source, actor="safaricom")
    if facts.code is not None:
        doubts.tell_of_claims(payment, facts.code)
    if first is None:
        bring(payment, facts, source)
    else:
        booking.adopt(first, payment)


def mark_paid(payment: Payment, source: str, *, actor: str) -> None:
    """The payment's own part of it. Its receipt, and where the money goes, follow in the same commit."""
    late = payment.status == FAILED
    payment.paid_at = payment.ended_at = clock.now()
    payment.verified_by = source
    payment.code = None
    payment.held_callback_id = None
    payment.move_to(PAID, actor=actor, source=source, late=late)
    schedule.plan_next(payment)


def bring(payment: Payment, facts: Evidence, source: str) -> Receipt:
    """Money that is not in our books yet."""
    receipt = Receipt(
        merchant_id=payment.merchant_id,
        payment_id=payment.id,
        code=facts.code,
        claimed_code=facts.claimed_code,
        amount=facts.amount,
        source=source,
        paid_at=facts.paid_at or clock.now(),
    )
    db.session.add(receipt)
    db.session.flush()
    booking.book(receipt, payment)
    return receipt


def _join(payment: Payment, result: StkResult) -> str:
    """The payment is paid already: the message may bring the receipt number that was missing."""
    receipt = db.session.scalars(select(Receipt).where(Receipt.payment_id == payment.id)).one()
    if result.receipt is None or result.receipt == receipt.code:
        return "duplicate"
    fits = not doubts.misfits(payment, result)
    if result.receipt == receipt.claimed_code and not fits:
        return "duplicate"
    if receipt.code is None and fits:
        receipt.code = result.receipt
        doubts.tell_of_claims(payment, result.receipt)
        audit.record(payment, "receipt.joined", actor="safaricom", receipt=result.receipt)
        return "receipt number joined"
    text = f"A second message claims receipt {result.receipt} for KSh {result.amount}."
    alerts.raise_for(payment, "contradiction", text)
    return "paid already: another receipt number claimed"
