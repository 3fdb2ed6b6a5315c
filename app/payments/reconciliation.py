"""Ask Safaricom about what stayed silent, and confirm what was said (design.md §5).

A question is claimed by moving its next time a minute on (a lease): a crash between claim and
answer loses nothing, two askers never ask about one payment at once.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from app import audit, clock
from app.daraja import Answer, Credentials, Reason, Verdict
from app.extensions import db
from app.payments import alerts, buckets, schedule, settlement
from app.payments.locking import FRESH, locked
from app.payments.models import Payment
from app.payments.states import FAILED, PAID
from app.settings import settings

LEASE = timedelta(seconds=60)
# Sandbox queries called phones unreachable that answered later (ux.md §2): not before this age.
UNREACHABLE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Question:
    payment_id: int
    credentials: Credentials
    checkout_request_id: str | None  # None: the push's answer was lost, there is nothing to ask by


def claim() -> Question | None:
    """The most urgent question that is due; None when none is, or every budget is spent."""
    spent: list[int] = []
    while payment := _most_urgent(spent):
        if _affordable(payment):
            payment.next_question_at = clock.now() + LEASE
            payment.last_question_at = clock.now()
            return Question(payment.id, payment.merchant.credentials(), payment.checkout_request_id)
        spent.append(payment.merchant_id)
    return None


def _most_urgent(spent: list[int]) -> Payment | None:
    due = (Payment.next_question_at <= clock.now(), Payment.merchant_id.not_in(spent))
    order = (Payment.question_rank, Payment.next_question_at)
    query = select(Payment).where(*due).order_by(*order).limit(1)
    return db.session.scalar(query.with_for_update(skip_locked=True), execution_options=FRESH)


def _affordable(payment: Payment) -> bool:
    """One budget per shortcode, shared by all workers."""
    budget = settings().query_budget_per_minute
    if payment.checkout_index is None:
        return True
    per_minute = budget if budget is not None else 1_000_000
    capacity = max(1.0, per_minute / 6)
    return buckets.take(_bucket(payment), capacity=capacity, per_second=per_minute / 60)


def _bucket(payment: Payment) -> str:
    return f"questions:{payment.merchant.number}"


def throttled(payment_id: int, seconds: float) -> None:
    """Safaricom says slow down: everything of this shortcode waits."""
    payment = locked(payment_id)
    per_minute = settings().query_budget_per_minute or 1_000_000
    buckets.drain(_bucket(payment), seconds=seconds, per_second=per_minute / 60)
    payment.next_question_at = clock.now() + timedelta(seconds=seconds)
    audit.record(payment, "question.throttled", actor="safaricom", seconds=int(seconds))


def answered(payment_id: int, answer: Answer) -> None:
    """Applies Safaricom's answer, or its silence, through the same settlement as a callback."""
    payment = locked(payment_id)
    audit.record(
        payment, "question.answered", actor="safaricom", verdict=answer.verdict, code=answer.code
    )
    if payment.status == PAID:
        _confirm(payment, answer)
    elif answer.verdict == Verdict.PAID:
        payment.questions += 1
        settlement.found_paid(payment)
    elif payment.status == FAILED:
        payment.rechecks += 1
        schedule.plan_next(payment)
    else:
        _undecided(payment, answer)


def _confirm(payment: Payment, answer: Answer) -> None:
    """Success is sticky: a contradiction calls a person and changes nothing (M7)."""
    payment.rechecks += 1
    if answer.verdict == Verdict.PAID:
        payment.verified_by = "query"
        payment.next_question_at = None
        return
    schedule.plan_next(payment)
    if answer.verdict == Verdict.FAILED:
        payment.next_question_at = None
        text = f"The message said paid, M-PESA's answer says {answer.reason} ({answer.code})."
        alerts.raise_for(payment, "contradiction", text)


def _undecided(payment: Payment, answer: Answer) -> None:
    payment.questions += 1
    if answer.verdict == Verdict.FAILED and not _too_early(payment, answer):
        settlement.fail(payment, answer.reason, answer.code, at=clock.now())
        schedule.plan_next(payment)
        if payment.held_callback_id:
            text = f"A message said paid, M-PESA's answer says {answer.reason}. Nothing was booked."
            alerts.raise_for(payment, "contradiction", text)
    elif payment.questions >= len(settings().query_schedule):
        _give_up(payment)
    else:
        schedule.plan_next(payment)


def _too_early(payment: Payment, answer: Answer) -> bool:
    age = clock.now() - schedule.asked_since(payment)
    return answer.reason == Reason.UNREACHABLE and age < UNREACHABLE_AFTER


def _give_up(payment: Payment) -> None:
    """After the last question. Money that still comes is still credited."""
    payment.ended_at = clock.now()
    payment.next_question_at = None
    payment.move_to(FAILED, actor="reconciliation", reason=Reason.NO_ANSWER)
    alerts.raise_for(payment, "no_answer", "M-PESA never told us how this payment ended.")
