"""Ask Safaricom about what stayed silent, and confirm what was said (design.md §5).

A question is claimed by moving its next time on, past the longest call (a lease): a crash between claim and
answer loses nothing, two askers never ask about one payment at once.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from app import audit, clock, crypto
from app.daraja import Answer, Credentials, Reason, Verdict
from app.extensions import db
from app.payments import alerts, buckets, schedule, settlement
from app.payments.locking import FRESH, locked
from app.payments.models import Payment
from app.payments.states import FAILED, PAID, PENDING, UNCONFIRMED
from app.settings import settings

CANNOT_ASK_PAUSE = timedelta(hours=1)
UNLIMITED = 1_000_000  # questions a minute
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
        if _is_spent(payment):
            spent.append(payment.merchant_id)
            continue
        try:
            question = Question(payment.id, payment.credentials(), payment.checkout_request_id)
        except crypto.CannotOpen:
            _cannot_ask(payment)
            continue
        return _leased(payment, question) if _take(payment) else None
    return None


def _leased(payment: Payment, question: Question) -> Question:
    """A scheduled question takes its step; a hurried one comes in addition."""
    if payment.question_rank != schedule.URGENT:
        payment.questions += 1
    payment.question_rank = schedule.OPEN  # URGENT again: somebody hurried while we asked
    schedule.lease(payment)
    return question


def _most_urgent(spent: list[int]) -> Payment | None:
    due = (Payment.next_question_at <= clock.now(), Payment.merchant_id.not_in(spent))
    order = (Payment.question_rank, Payment.next_question_at)
    query = select(Payment).where(*due).order_by(*order).limit(1)
    locking = query.with_for_update(skip_locked=True, key_share=True)
    return db.session.scalar(locking, execution_options=FRESH)


def _cannot_ask(payment: Payment) -> None:
    """Secrets that do not open are the operator's to mend; the others' questions do not wait."""
    payment.next_question_at = clock.now() + CANNOT_ASK_PAUSE
    alerts.raise_for(
        payment, "cannot_ask", "M-PESA cannot be asked: a key is not in ENCRYPTION_KEYS."
    )
    db.session.flush()


def _is_spent(payment: Payment) -> bool:
    """Looks without locking: two askers that each held an empty bucket could deadlock."""
    return payment.checkout_index is not None and not buckets.has_token(_bucket(payment), _rate())


def _take(payment: Payment) -> bool:
    """One budget per shortcode, shared by all workers. False: another asker was quicker."""
    return payment.checkout_index is None or buckets.take(_bucket(payment), _rate())


def _rate() -> buckets.Rate:
    per_minute = settings().query_budget_per_minute or UNLIMITED
    return buckets.Rate(capacity=max(1.0, per_minute / 6), per_second=per_minute / 60)


def _bucket(payment: Payment) -> str:
    return f"questions:{payment.number}"


def throttled(payment_id: int, seconds: float) -> None:
    """Safaricom says slow down: everything of this shortcode waits."""
    payment = locked(payment_id)
    buckets.drain(_bucket(payment), _rate(), seconds=seconds)
    payment.next_question_at = clock.now() + timedelta(seconds=seconds)
    payment.questions = max(0, payment.questions - 1)  # it was not answered: the step is to come
    audit.record(payment, "question.throttled", actor="safaricom", seconds=int(seconds))


def answered(payment_id: int, answer: Answer) -> None:
    """Applies Safaricom's answer, or its silence, through the same settlement as a callback."""
    payment = locked(payment_id)
    hurried = payment.question_rank == schedule.URGENT
    schedule.release(payment)
    audit.record(
        payment, "question.answered", actor="safaricom", verdict=answer.verdict, code=answer.code
    )
    if answer.verdict != Verdict.UNKNOWN:
        payment.answered_at = clock.now()
    _apply(payment, answer)
    if hurried and payment.next_question_at is not None and payment.status != PAID:
        schedule.hurry(payment)


def _apply(payment: Payment, answer: Answer) -> None:
    if payment.status == PAID:
        _confirm(payment, answer)
    elif answer.verdict == Verdict.PAID:
        settlement.found_paid(payment)
    elif answer.verdict == Verdict.FAILED and not _too_early(payment, answer):
        _failed(payment, answer)
    else:
        _still_unknown(payment)


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


def _failed(payment: Payment, answer: Answer) -> None:
    if payment.held_callback_id is not None:
        text = f"A message said paid, M-PESA's answer says {answer.reason}. Nothing was booked."
        alerts.raise_for(payment, "contradiction", text)  # the message is kept: it may be right yet
    if payment.status == FAILED:
        payment.rechecks += 1
    else:
        settlement.fail(payment, answer.reason, answer.code, at=clock.now())
    schedule.plan_next(payment)


def _still_unknown(payment: Payment) -> None:
    if payment.status == FAILED:
        payment.rechecks += 1
        schedule.plan_next(payment)
        return
    schedule.plan_next(payment)
    if schedule.exhausted(payment) and payment.status in (PENDING, UNCONFIRMED):
        _give_up(payment)


def _too_early(payment: Payment, answer: Answer) -> bool:
    age = clock.now() - schedule.asked_since(payment)
    return answer.reason == Reason.UNREACHABLE and age < UNREACHABLE_AFTER


def _give_up(payment: Payment) -> None:
    """After the last question. Money that still comes is still credited."""
    payment.ended_at = clock.now()
    payment.next_question_at = None
    payment.move_to(FAILED, actor="reconciliation", reason=Reason.NO_ANSWER)
    if payment.held_callback_id is not None:
        schedule.plan_next(payment)
    alerts.raise_for(payment, "no_answer", "M-PESA never told us how this payment ended.")
