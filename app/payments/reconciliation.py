"""Ask Safaricom about what stayed silent, and confirm what was said (design.md §5).

A question is claimed by moving its next time on, past the longest call (a lease): a crash between claim and
answer loses nothing, two askers never ask about one payment at once.

Many are claimed in one commit, and many answers noted in another; what can happen between the lines:
- crash after a claim: each payment is due again when its lease is over, and was charged to the budget;
- two askers: SKIP LOCKED gives each other payments, the bucket's row lock each its own tokens; a bucket
  that has fewer than were wanted leaves the rest due, as they were;
- somebody holds a payment whose answer is noted (its callback is being settled): it is left out, and its
  own thread waits for it; what it then finds, `paid` for instance, decides what the answer means;
- an answer says paid: plain money of many is booked together (plain.py), none of it where anybody holds
  anything of it; whatever is odd goes the long way, by itself;
- an answer is noted twice, because nobody heard of the first commit: one more event, and one more
  recheck counted; never money, which `settlement.found_paid` books under the payment's lock and status.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import audit, clock, crypto, direct, many
from app.daraja import Answer, Credentials, Reason, Verdict
from app.extensions import db
from app.payments import alerts, buckets, plain, schedule, settlement
from app.payments.locking import FRESH, locked, locked_free
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
    return next(iter(claim_some(1)), None)


def claim_some(most: int) -> list[Question]:
    """The most urgent questions; fewer: no more are due, or the budgets are spent."""
    spent: set[int] = set()
    while payments := _most_urgent(most, spent):
        if empty := _without_budget(payments):
            spent |= empty
            continue
        asked = [(payment, question) for payment in payments if (question := _question(payment))]
        if asked:
            return _leased(_affordable(asked))
    return []


def _most_urgent(most: int, spent: set[int]) -> list[Payment]:
    due = (Payment.next_question_at <= clock.now(), Payment.merchant_id.not_in(spent))
    order = (Payment.question_rank, Payment.next_question_at)
    query = select(Payment).where(*due).order_by(*order).limit(most)
    query = query.options(selectinload(Payment.merchant))
    locking = query.with_for_update(skip_locked=True, key_share=True)
    return list(db.session.scalars(locking, execution_options=FRESH))


def _without_budget(payments: Sequence[Payment]) -> set[int]:
    """The merchants whose bucket is empty. Looks without locking: two askers that each held an
    empty bucket could deadlock."""
    ours = {_bucket(payment) for payment in payments if payment.checkout_index is not None}
    empty = {bucket for bucket in ours if not buckets.has_token(bucket, _rate())}
    of_empty = (p for p in payments if p.checkout_index is not None and _bucket(p) in empty)
    return {payment.merchant_id for payment in of_empty}


def _question(payment: Payment) -> Question | None:
    try:
        return Question(payment.id, payment.credentials(), payment.checkout_request_id)
    except crypto.CannotOpen:
        _cannot_ask(payment)
        return None


Asked = list[tuple[Payment, Question]]


def _affordable(asked: Asked) -> Asked:
    """One budget per shortcode, shared by all workers: another asker may have been quicker. Buckets
    are locked in one order."""
    wanted = Counter(_bucket(p) for p, question in asked if question.checkout_request_id)
    left = {key: buckets.take_up_to(wanted[key], key, _rate()) for key in sorted(wanted)}
    found: Asked = []
    for payment, question in asked:
        if question.checkout_request_id is None:
            found.append((payment, question))
        elif left[_bucket(payment)] > 0:
            left[_bucket(payment)] -= 1
            found.append((payment, question))
    return found


def _leased(asked: Asked) -> list[Question]:
    """A scheduled question takes its step; a hurried one comes in addition."""
    for payment, _ in asked:
        if payment.question_rank != schedule.URGENT:
            payment.questions += 1
        payment.question_rank = schedule.OPEN  # URGENT again: somebody hurried while we asked
        schedule.lease(payment)
    many.save(direct.of_session(), [payment for payment, _ in asked])
    return [question for _, question in asked]


def _cannot_ask(payment: Payment) -> None:
    """Secrets that do not open are the operator's to mend; the others' questions do not wait."""
    payment.next_question_at = clock.now() + CANNOT_ASK_PAUSE
    alerts.raise_for(
        payment, "cannot_ask", "M-PESA cannot be asked: a key is not in ENCRYPTION_KEYS."
    )
    db.session.flush()


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
    _answered(locked(payment_id), answer)


def answered_all(answers: Mapping[int, Answer]) -> set[int]:
    """Those whose money is plain, and those that bring none, of payments that nobody holds: the ids of
    what was noted. Other money waits for others: payment by payment."""
    rows = direct.of_session()
    paid = [payment_id for payment_id, answer in answers.items() if answer.verdict == Verdict.PAID]
    done = plain.answer_paid(rows, paid, lambda p: _hear(p, answers[p.id])) if paid else set()
    others = locked_free(answers.keys() - done)
    payments = [p for p in others if not _brings_money(p, answers[p.id])]
    for payment in payments:
        _answered(payment, answers[payment.id])
    many.save(rows, payments)
    return done | {payment.id for payment in payments}


def _brings_money(payment: Payment, answer: Answer) -> bool:
    return payment.status != PAID and answer.verdict == Verdict.PAID


def _answered(payment: Payment, answer: Answer) -> None:
    hurried = payment.question_rank == schedule.URGENT
    _hear(payment, answer)
    _apply(payment, answer)
    if hurried and payment.next_question_at is not None and payment.status != PAID:
        schedule.hurry(payment)


def _hear(payment: Payment, answer: Answer) -> None:
    schedule.release(payment)
    audit.record(
        payment, "question.answered", actor="safaricom", verdict=answer.verdict, code=answer.code
    )
    if answer.verdict != Verdict.UNKNOWN:
        payment.answered_at = clock.now()


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
