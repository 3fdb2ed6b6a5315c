"""When Safaricom is asked about a payment (design.md §5, "When we ask")."""

import random
from datetime import datetime, timedelta

from app import clock
from app.payments.models import Payment
from app.payments.states import FAILED, PAID, UNDECIDED
from app.settings import settings

URGENT, OPEN, CONFIRM = 0, 1, 2  # question_rank: the lower is asked first
CLAIM_DELAY = timedelta(seconds=4)
RECHECKS = (timedelta(minutes=5), timedelta(minutes=15))  # after a failure known by query only
CONFIRM_AFTER = timedelta(seconds=30)
MIN_GAP = timedelta(seconds=8)
JITTER = 0.2


def asked_since(payment: Payment) -> datetime:
    """What the schedule counts from. A push whose answer was lost counts from its sending."""
    return payment.accepted_at or payment.sending_at or payment.created_at


def plan_next(payment: Payment) -> None:
    """Sets when and how urgently this payment is asked about next; None when never again."""
    payment.question_rank, payment.next_question_at = _next(payment)


def _next(payment: Payment) -> tuple[int, datetime | None]:
    if payment.status == PAID:
        return CONFIRM, _confirmation(payment)
    if payment.status == FAILED:
        return OPEN, _recheck(payment)
    if payment.status in UNDECIDED and payment.questions < len(settings().query_schedule):
        return OPEN, _scheduled(payment)
    return OPEN, None


def _scheduled(payment: Payment) -> datetime:
    after = jittered(settings().query_schedule[payment.questions])
    return max(asked_since(payment) + after, clock.now() + MIN_GAP * (payment.questions > 0))


def jittered(seconds: float) -> timedelta:
    """±20 %, so that a burst of prompts does not become a burst of questions."""
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311


def _confirmation(payment: Payment) -> datetime | None:
    """A success by callback is confirmed by one question; a few more tries if it has no answer."""
    if payment.verified_by != "callback" or payment.checkout_index is None:
        return None
    if payment.rechecks >= len(settings().query_schedule):
        return None
    return clock.now() + CONFIRM_AFTER * (1 << 2 * payment.rechecks)  # 30 s, 2 min, 8 min …


def _recheck(payment: Payment) -> datetime | None:
    if payment.rechecks >= len(RECHECKS) or payment.ended_at is None:
        return None
    return payment.ended_at + RECHECKS[payment.rechecks]


def hurry(payment: Payment, delay: timedelta = timedelta(0)) -> None:
    """Ask soon, before all others: the customer says so, or a message is odd."""
    last = payment.last_question_at
    soonest = max(clock.now() + delay, last + MIN_GAP if last else clock.now())
    payment.question_rank = URGENT
    if payment.next_question_at is None or soonest < payment.next_question_at:
        payment.next_question_at = soonest
