"""Send what customers asked for: many prompts are claimed in one commit, many answers noted in another.

What can happen between the lines (M5), to each of them, however many share a commit:
- crash before a claim is committed: they are `created`, as if nobody had looked;
- crash after it: they are `sending`; nobody sends them again, the sweep calls them unconfirmed, and
  Safaricom's callbacks still find them by their hook tokens. No more are claimed than are sent at once;
- two workers claim at once: SKIP LOCKED and the status under the row's lock let one of them have it;
- the callback overtakes the push's answer: it moves the payment first, the answer only adds its id;
- somebody holds a payment whose answer is noted: SKIP LOCKED leaves it out, its own thread waits for it;
- one answer of many cannot be written: none is, and each is written by itself (jobs/calls.py);
- an answer is noted twice, because nobody heard of the first commit: the status says that it is known;
- a message that overtook the answer named another id: both cannot be true, and a person is told;
- Safaricom gives one id to two payments: `hear_all` leaves such to `hear`, which tells a person, and the
  unique index on `checkout_index` takes back whatever two workers did at the same time.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import clock, crypto, direct, many
from app.daraja import Accepted, Credentials, Prompt, Reason, Refused
from app.extensions import db
from app.payments import alerts, gate, schedule
from app.payments.locking import FRESH, locked_free
from app.payments.models import Payment, checkout_index
from app.payments.states import CREATED, FAILED, PENDING, SENDING, UNCONFIRMED
from app.settings import settings

UNSENT_LIFE = timedelta(seconds=30)  # a prompt that comes later than this surprises its owner
Heard = Accepted | Refused | None  # None: silence


@dataclass(frozen=True)
class Claimed:
    """A payment that is ours to send, and what to send. From here on nobody else will."""

    payment_id: int
    credentials: Credentials
    prompt: Prompt


def claim(most: int) -> list[Claimed]:
    """The oldest unsent payments, moved to `sending`; fewer: there are no more. Commit before sending."""
    found: list[Claimed] = []
    while len(found) < most:
        gates = gate.standing()
        asked = 1 if gates else most - len(found)  # behind a gate each is let out by itself
        payments = _oldest_unsent(gates, asked)
        ready = [_claimed(payment) for payment in payments if gate.lets_out(payment, gates)]
        found += [claimed for claimed in ready if claimed]
        if len(payments) < asked:
            break
    return found


def _oldest_unsent(gates: gate.Gates, most: int) -> list[Payment]:
    fresh = (Payment.created_at > clock.now() - UNSENT_LIFE, *gate.not_waiting(gates))
    query = select(Payment).where(Payment.status == CREATED, *fresh).order_by(Payment.created_at)
    query = query.options(selectinload(Payment.merchant), selectinload(Payment.invoice))
    locking = query.limit(most).with_for_update(skip_locked=True, key_share=True)
    return list(db.session.scalars(locking, execution_options=FRESH))


def _claimed(payment: Payment) -> Claimed | None:
    hook = crypto.new_hook_token()
    try:
        claimed = Claimed(payment.id, payment.merchant.credentials(), _prompt(payment, hook))
    except (crypto.CannotOpen, ValueError) as error:
        _cannot_send(payment, error)
        return None
    payment.hook_hash = crypto.token_hash(hook)
    payment.shortcode = claimed.credentials.shortcode
    payment.sending_at = clock.now()
    payment.move_to(SENDING, actor="worker")
    return claimed


def _cannot_send(payment: Payment, error: Exception) -> None:
    """Secrets that do not open are the operator's to mend; the others' prompts do not wait for that."""
    payment.ended_at = clock.now()
    payment.move_to(FAILED, actor="worker", reason=Reason.MERCHANT_PROBLEM)
    alerts.raise_for(
        payment, "cannot_send", f"The prompt could not be made: {type(error).__name__}."
    )
    db.session.flush()


def _prompt(payment: Payment, hook: str) -> Prompt:
    return Prompt(
        phone=payment.phone or "",  # which Prompt refuses; and what waits to be sent has one
        amount=payment.amount,
        reference=payment.invoice.reference,
        description="Subscription",
        callback_url=f"{settings().public_base_url}/hooks/v1/d/{hook}",
    )


def hear_all(heard: Mapping[int, Heard]) -> set[int]:
    """Notes what Safaricom said to these payments. The ids of those that it noted: none is waited for."""
    ours = _with_new_ids(heard)
    payments = locked_free(ours)
    for payment in payments:
        _hear(payment, ours[payment.id], is_new=True)
    many.save(direct.of_session(), payments)
    return {payment.id for payment in payments}


def _with_new_ids(heard: Mapping[int, Heard]) -> dict[int, Heard]:
    """Without those that were given an id which some payment has, this one or another."""
    given = {
        payment_id: checkout_index(one.checkout_request_id)
        for payment_id, one in heard.items()
        if isinstance(one, Accepted)
    }
    times = Counter(given.values())
    taken = _taken(given.values()) if given else set()
    odd = {p for p, index in given.items() if times[index] > 1 or index in taken}
    return {payment_id: one for payment_id, one in heard.items() if payment_id not in odd}


def _taken(indexes: Collection[bytes]) -> set[bytes | None]:
    return set(
        db.session.scalars(
            select(Payment.checkout_index).where(Payment.checkout_index.in_(indexes))
        )
    )


def hear(payment: Payment, heard: Heard) -> None:
    """Notes what Safaricom said to one payment, which is locked."""
    _hear(payment, heard, is_new=False)


def _hear(payment: Payment, heard: Heard, *, is_new: bool) -> None:
    if isinstance(heard, Accepted):
        _accepted(payment, heard, is_new=is_new)
    elif isinstance(heard, Refused):
        _refused(payment, heard)
    else:
        _unanswered(payment)


def _accepted(payment: Payment, answer: Accepted, *, is_new: bool) -> None:
    if payment.checkout_index not in (None, checkout_index(answer.checkout_request_id)):
        text = "A message named another request id than M-PESA's answer to the push."
        alerts.raise_for(payment, "contradiction", text)
    sending = payment.status == SENDING
    at = clock.now() if sending else payment.sending_at
    identify(payment, answer.checkout_request_id, at, is_new=is_new)
    if sending:
        payment.move_to(PENDING, actor="safaricom")
    if payment.next_question_at is None and payment.status in (PENDING, UNCONFIRMED):
        schedule.plan_next(payment)


def identify(
    payment: Payment, checkout_request_id: str, at: datetime | None, *, is_new: bool = False
) -> None:
    """Safaricom knows the payment by this id, and so it has accepted the push, at about `at`.

    The ids are guessable, and not proven to be unique for ever: one that another payment has says
    nothing. Such a payment cannot be asked about, and is settled by its hook token alone. `is_new`:
    the caller has looked whether another one has it.
    """
    payment.accepted_at = payment.accepted_at or at
    if payment.checkout_index is not None:
        return
    if is_new:
        payment.checkout_request_id = checkout_request_id
    elif _taken([checkout_index(checkout_request_id)]):
        alerts.raise_for(payment, "same_id", "M-PESA gave an id that another payment has.")
    else:
        payment.checkout_request_id = checkout_request_id
        db.session.flush()


def _refused(payment: Payment, answer: Refused) -> None:
    if payment.status in (SENDING, UNCONFIRMED):
        payment.code = answer.code or None
        payment.ended_at = clock.now()
        payment.next_question_at = None
        payment.move_to(FAILED, actor="safaricom", reason=answer.reason, code=answer.code)
    elif (payment.status, payment.reason) != (FAILED, answer.reason):  # else: written down already
        text = f"The push was refused ({answer.code}), yet the payment is {payment.status}."
        alerts.raise_for(payment, "contradiction", text)


def _unanswered(payment: Payment) -> None:
    if payment.status == SENDING:
        payment.move_to(UNCONFIRMED, actor="worker", why="no answer to the push")
        schedule.plan_next(payment)
