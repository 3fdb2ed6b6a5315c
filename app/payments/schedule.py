"""When Safaricom is asked about a payment (design.md §5, "When we ask")."""

import random
from datetime import datetime, timedelta

from app import clock
from app.payments.models import Payment
from app.payments.states import FAILED, PAID, PENDING, UNCONFIRMED, UNDECIDED
from app.settings import settings

URGENT, OPEN, CONFIRM = 0, 1, 2  # question_rank: the lower is asked first
CLAIM_DELAY = timedelta(seconds=4)
RECHECKS = (timedelta(minutes=5), timedelta(minutes=15))  # after a failure known by query only
CONFIRM_AFTER = timedelta(seconds=30)
MIN_GAP = timedelta(seconds=8)
RECHECK_GAP = timedelta(minutes=1)
MOST_HURRIES = 10
JITTER = 0.2


def longest_call() -> timedelta:
    """A token, a request, and both once more after a refused token: four answers to wait for."""
    ours = settings()
    return timedelta(seconds=4 * (ours.push_connect_seconds + ours.push_read_seconds) + 10)


def asked_since(payment: Payment) -> datetime:
    """What the schedule counts from. A push whose answer was lost counts from its sending."""
    return payment.accepted_at or payment.sending_at or payment.created_at


def plan_next(payment: Payment) -> None:
    """Sets when and how urgently this payment is asked about next; None when never again."""
    if asking(payment):  # the answer that is under way plans the next question
        return
    payment.question_rank, payment.next_question_at = _next(payment)


def _next(payment: Payment) -> tuple[int, datetime | None]:
    if payment.status == PAID:
        return CONFIRM, _confirmation(payment)
    if payment.status == FAILED:
        return OPEN, _recheck(payment)
    return OPEN, _scheduled(payment) if payment.status in UNDECIDED else None


def _scheduled(payment: Payment) -> datetime | None:
    """The next step that is still ahead: what an outage of ours has missed is not made up for."""
    age = (clock.now() - asked_since(payment)).total_seconds()
    steps = settings().query_schedule
    while payment.questions < len(steps) and steps[payment.questions] <= age:
        payment.questions += 1
    if exhausted(payment):
        return None
    after = jittered(steps[payment.questions])
    return max(asked_since(payment) + after, _soonest(payment, timedelta(0)))


def exhausted(payment: Payment) -> bool:
    """Whether the last step of the schedule has been asked. Hurried questions take no step."""
    return payment.questions >= len(settings().query_schedule)


def jittered(seconds: float) -> timedelta:
    """±20 %, so that a burst of prompts does not become a burst of questions."""
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311


def _confirmation(payment: Payment) -> datetime | None:
    """A success by callback is confirmed by one question; a few more tries if it has no answer."""
    confirmable = payment.verified_by == "callback" and payment.checkout_index is not None
    return _ever_later(payment) if confirmable else None


def _ever_later(payment: Payment) -> datetime | None:
    if payment.rechecks >= len(settings().query_schedule):
        return None
    return clock.now() + CONFIRM_AFTER * (1 << 2 * payment.rechecks)  # 30 s, 2 min, 8 min …


def _recheck(payment: Payment) -> datetime | None:
    """Twice more before the books close; longer while a message that says paid waits for an answer."""
    if payment.held_callback_id is not None:
        return _ever_later(payment)
    if payment.rechecks >= len(RECHECKS) or payment.ended_at is None:
        return None
    return max(payment.ended_at + RECHECKS[payment.rechecks], clock.now() + RECHECK_GAP)


def hurry(payment: Payment, delay: timedelta = timedelta(0)) -> None:
    """Ask soon, before all others: the customer says so, or a message is odd."""
    soonest = _soonest(payment, delay)
    payment.question_rank = URGENT
    if asking(payment):  # the answer that is under way will see the rank
        return
    if payment.next_question_at is None or soonest < payment.next_question_at:
        payment.next_question_at = soonest


def lease(payment: Payment) -> None:
    """A question is under way: nobody else asks until it is answered, or cannot be any more."""
    payment.last_question_at = clock.now()
    payment.next_question_at = payment.last_question_at + longest_call()


def release(payment: Payment) -> None:
    """The question is answered; the next one is planned by what the answer says."""
    payment.next_question_at = None


def asking(payment: Payment) -> bool:
    last = payment.last_question_at
    return last is not None and payment.next_question_at == last + longest_call()


def hurry_for_customer(payment: Payment, delay: timedelta = timedelta(0)) -> None:
    """As often as a person may want it; a script that taps for ever would eat the others' budget."""
    if payment.hurries < MOST_HURRIES and payment.status in (PENDING, UNCONFIRMED):
        payment.hurries += 1
        hurry(payment, delay)


def _soonest(payment: Payment, delay: timedelta) -> datetime:
    last = payment.last_question_at
    return max(clock.now() + delay, last + MIN_GAP if last else clock.now())
