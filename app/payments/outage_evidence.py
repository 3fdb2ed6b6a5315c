"""What our own attempts say about M-PESA: whom each number has served lately, and whom it has not.

Phones are counted, not attempts: one person who tries again and again is one. What customers did
or lacked is no fault of M-PESA's; that it told us is a sign that it works. Nothing is said by a
phone that was not reached, by our own settings, and by codes that nobody knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from app import clock, merchants
from app.daraja import Reason
from app.extensions import db
from app.payments import limits
from app.payments.models import Payment
from app.payments.outage_models import Outage
from app.payments.states import FAILED, PAID, PENDING, SENDING, UNCONFIRMED

WINDOW = timedelta(minutes=5)
SLOW = timedelta(seconds=10)  # a push that is answered takes one or two
SILENCE = limits.PROMPT_LIFE  # by then the customer, or M-PESA's own clock, has ended every prompt
MOST = 200  # sends that are looked at, on either side of SILENCE

SERVED = "served"
# The word came from the phone, or from the account behind it.
WORDS_OF_THE_PHONE = (
    Reason.INSUFFICIENT_FUNDS,
    Reason.WRONG_PIN,
    Reason.PIN_LOCKED,
    Reason.CANCELLED,
    Reason.LIMIT,
)
FAULTS: Mapping[str, str] = {
    "busy": "M-PESA said busy",
    "push_failed": "the request did not get through",
    "unanswered": "no answer to the request",
    "slow": "slow to answer the request",
    "silent": "no word of the end",
}


@dataclass(frozen=True)
class Evidence:
    """Of one number, since its last outage began or ended, and at most WINDOW."""

    number: str
    served: int  # phones
    failed: int
    faults: Mapping[str, int]  # phones by kind
    served_at: datetime | None  # when the newest of them were sent
    failed_at: datetime | None

    @property
    def said(self) -> str:
        """`12 of 13 phones: M-PESA said busy (9), no answer to the request (3)`"""
        known = self.faults.items()
        kinds = ", ".join(f"{FAULTS[kind]} ({count})" for kind, count in known if count)
        return f"{self.failed} of {self.failed + self.served} phones: {kinds}"

    @property
    def newest_is_served(self) -> bool:
        return self.served_at is not None and (
            self.failed_at is None or self.served_at > self.failed_at
        )


def read() -> list[Evidence]:
    return [_evidence(row) for row in db.session.execute(query())]


def query() -> Select[*tuple[Any, ...]]:
    """Of each number two walks along ix_payment_sent, of MOST entries each."""
    now = clock.now()
    spans = _spans(now)
    fresh = _slice(spans, now - SILENCE, now)
    older = _slice(spans, now - WINDOW, now - SILENCE)
    sends = union_all(fresh, older).subquery()
    kind, phone, sent = sends.c.kind, sends.c.phone_index, sends.c.sending_at
    phones = func.count(phone.distinct())
    columns = [
        sends.c.number,
        phones.filter(kind == SERVED).label(SERVED),
        phones.filter(kind != SERVED).label("failed"),
        func.max(sent).filter(kind == SERVED).label("served_at"),
        func.max(sent).filter(kind != SERVED).label("failed_at"),
        *(phones.filter(kind == name).label(name) for name in FAULTS),
    ]
    return select(*columns).group_by(sends.c.number)


def _evidence(row: Row[*tuple[Any, ...]]) -> Evidence:
    names = (SERVED, "failed", "served_at", "failed_at")
    kept = {name: getattr(row, name) for name in names}
    return Evidence(row.number, faults={name: getattr(row, name) for name in FAULTS}, **kept)


def _spans(now: datetime) -> Any:
    """Each number, and since when its sends count: what was known before says nothing new."""
    numbers = select(merchants.number_column().label("number")).distinct().subquery()
    turned = (
        select(func.max(func.coalesce(Outage.closed_at, Outage.opened_at)))
        .where(Outage.shortcode == numbers.c.number)
        .scalar_subquery()
    )
    since = func.greatest(literal(now - WINDOW), turned)  # which passes over nulls
    return select(numbers.c.number, since.label("since")).subquery()


def _slice(spans: Any, start: datetime, end: datetime) -> Select[*tuple[Any, ...]]:
    sends = (
        select(Payment.phone_index, Payment.sending_at, _kind().label("kind"))
        .where(
            Payment.shortcode == spans.c.number,
            Payment.sending_at > func.greatest(spans.c.since, literal(start)),
            Payment.sending_at <= end,
        )
        .order_by(Payment.sending_at.desc())
        .limit(MOST)
        .lateral()
    )
    return select(spans.c.number, sends).select_from(spans.join(sends, true()))


def _kind() -> ColumnElement[str | None]:
    """The first that fits. Money that came has come, however slowly."""
    now = clock.now()
    failed, reason = Payment.status == FAILED, Payment.reason
    open_ = Payment.status.in_((PENDING, UNCONFIRMED))
    took = Payment.accepted_at - Payment.sending_at
    stuck = and_(Payment.status == SENDING, Payment.sending_at <= now - SLOW)
    known: tuple[tuple[ColumnElement[bool], str], ...] = (
        (Payment.status == PAID, SERVED),
        (and_(failed, reason.in_(WORDS_OF_THE_PHONE)), SERVED),
        (and_(failed, reason == Reason.BUSY), "busy"),
        (and_(failed, reason == Reason.PUSH_FAILED), "push_failed"),
        (and_(Payment.status == UNCONFIRMED, Payment.accepted_at.is_(None)), "unanswered"),
        # A message that waits for its confirmation has come: that it is odd is another matter.
        (and_(open_, Payment.held_callback_id.is_not(None)), ""),
        (and_(open_, Payment.accepted_at <= now - SILENCE), "silent"),
        (or_(stuck, and_(open_, took >= SLOW)), "slow"),
    )
    return func.nullif(case(*known, else_=""), "")
