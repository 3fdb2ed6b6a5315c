"""What goes by itself, and when (C53). A row says itself that its time has come: there is nothing to
remember between batches, and whoever was stopped goes on where the rows are.

Money has no rule here: receipts, invoices, the ledger and the audit log stay for seven years and longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Delete, Select, Update, delete, func, or_, select, update

from app import clock
from app.extensions import db
from app.payments.buckets import RateBucket
from app.payments.inbox import STRAY_LIFE
from app.payments.models import Callback, Payment
from app.staff.models import StaffSession
from app.staff.sessions import KEPT as SESSION_LIFE

AT_ONCE = 500  # rows of one commit
BODY_LIFE = timedelta(days=90)
TRY_LIFE = timedelta(days=1)  # a bucket is full again, and says nothing, after minutes
OURS = ("prompts:%", "questions:%")  # buckets of merchants and shortcodes, not of people
GONE = {"checkout_index": None, "checkout_sealed": None}


@dataclass(frozen=True)
class Rule:
    name: str
    says: str
    due: Callable[[], Select[int | str]]  # the keys of the rows whose time has come, in an order
    end: Callable[[ColumnElement[bool]], Update | Delete]
    key: ColumnElement[int] | ColumnElement[str]


def _old_bodies() -> Select[int]:
    """Of settled messages. One that nobody could read yet may be money: it waits for a person."""
    old = Callback.received_at < clock.now() - BODY_LIFE
    return _bodies().where(old, Callback.payment_id.is_not(None)).order_by(Callback.received_at)


def _bodies() -> Select[int]:
    there = (Callback.body_sealed.is_not(None), Callback.settled_at.is_not(None))
    return select(Callback.id).where(*there)


def _severed_bodies() -> Select[int]:
    severed = select(Payment.id).where(Payment.phone_index.is_(None))
    return _bodies().where(Callback.payment_id.in_(severed)).order_by(Callback.id)


def _severed_ids() -> Select[int]:
    """Late money brought M-PESA's id again; it goes when nothing more is asked by it."""
    again = (Payment.phone_index.is_(None), Payment.checkout_sealed.is_not(None))
    return select(Payment.id).where(*again, Payment.next_question_at.is_(None)).order_by(Payment.id)


def _strays() -> Select[int]:
    old = Callback.received_at < clock.now() - STRAY_LIFE
    return select(Callback.id).where(Callback.payment_id.is_(None), old).order_by(Callback.id)


def _ended_sessions() -> Select[int]:
    ended = func.coalesce(StaffSession.ended_at, StaffSession.expires_at)
    old = ended < clock.now() - SESSION_LIFE
    return select(StaffSession.id).where(old).order_by(StaffSession.id)


def _tries() -> Select[str]:
    people = ~or_(*(RateBucket.key.like(ours) for ours in OURS))
    old = RateBucket.filled_at < clock.now() - TRY_LIFE
    return select(RateBucket.key).where(people, old).order_by(RateBucket.key)


def _emptied(which: ColumnElement[bool]) -> Update:
    return update(Callback).where(which).values(body_sealed=None)


RULES = (
    Rule(
        "callback bodies",
        "messages of M-PESA lose their text 90 days after they came",
        _old_bodies,
        _emptied,
        Callback.id.expression,
    ),
    Rule(
        "late callback bodies",
        "what came for somebody who was erased before",
        _severed_bodies,
        _emptied,
        Callback.id.expression,
    ),
    Rule(
        "late checkout ids",
        "what such a message brought to its payment",
        _severed_ids,
        lambda which: update(Payment).where(which).values(GONE),
        Payment.id.expression,
    ),
    Rule(
        "strays",
        "messages with a wrong token go after a day",
        _strays,
        lambda which: delete(Callback).where(which),
        Callback.id.expression,
    ),
    Rule(
        "staff sessions",
        "where staff were signed in goes 90 days after the end",
        _ended_sessions,
        lambda which: delete(StaffSession).where(which),
        StaffSession.id.expression,
    ),
    Rule(
        "tries to sign in",
        "what counted somebody's tries goes after a day",
        _tries,
        lambda which: delete(RateBucket).where(which),
        RateBucket.key.expression,
    ),
)


def due(rule: Rule) -> int:
    """How many rows the rule would take now."""
    return db.session.scalar(select(func.count()).select_from(rule.due().subquery())) or 0


def batch(rule: Rule) -> int:
    """Takes the next rows that nobody else holds, and answers how many. The caller commits."""
    keys = db.session.scalars(
        rule.due().limit(AT_ONCE).with_for_update(skip_locked=True, key_share=True)
    ).all()
    if keys:
        ended = rule.end(rule.key.in_(keys))
        db.session.execute(ended.execution_options(synchronize_session=False))
    return len(keys)


def unread() -> int:
    """Messages older than that which nobody has been able to settle: they stay until somebody does."""
    old = Callback.received_at < clock.now() - BODY_LIFE
    query = select(func.count()).where(old, Callback.settled_at.is_(None))
    return db.session.scalar(query.where(Callback.body_sealed.is_not(None))) or 0
