"""What is counted ahead of time, so that no page reads a year of payments.

Rows here are made from the others' and can be made again at any time: `flask figures`.
"""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.audit import AuditEvent
from app.billing.models import Subscription
from app.extensions import Model
from app.payments.models import Callback

# The machine's own names fill the log; whoever else did something is found by this index.
MACHINES = ("customer", "reconciliation", "safaricom", "settlement", "sweep", "worker")
BY_A_PERSON = f"actor not in ({', '.join(map(repr, MACHINES))})"
PARKED = "parked_at is not null and settled_at is null"
LATE = "action = 'payment.paid' and (details ->> 'late')::boolean"

Index(
    "ix_audit_event_person",
    AuditEvent.merchant_id,
    AuditEvent.actor,
    AuditEvent.seq,
    postgresql_where=text(BY_A_PERSON),
)
Index(
    "ix_audit_event_late",
    AuditEvent.merchant_id,
    AuditEvent.subject_id,
    postgresql_where=text(LATE),
)
Index(
    "ix_subscription_paid_through",
    Subscription.merchant_id,
    Subscription.paid_through,
    Subscription.plan_id,
)
Index(
    "ix_callback_parked",
    Callback.merchant_id,
    Callback.parked_at,
    postgresql_where=text(PARKED),
)


class DayFigure(Model):
    """The payments that were begun on one day of Nairobi and have one thing in common."""

    __tablename__ = "day_figure"

    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # what they have in common: tally.KINDS
    day: Mapped[date] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)  # and which: an hour, a plan, a code
    asked: Mapped[int]
    reached: Mapped[int]  # of them, the prompt was on the phone
    typed: Mapped[int]  # a PIN was typed
    ended: Mapped[int]  # paid or failed
    excused: Mapped[int]  # failed for the customer's own reason
    paid: Mapped[int]
    shillings: Mapped[int]
    by_asking: Mapped[int]  # paid, and Safaricom's message did not tell us
    late: Mapped[int]  # paid after it had failed
    late_shillings: Mapped[int]


class FiguresMade(Model):
    """How far a merchant's days are counted."""

    __tablename__ = "figures_made"

    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), primary_key=True)
    through: Mapped[date]  # each day up to this one is in day_figure
    seq: Mapped[int]  # what the audit log says later may have changed a day that is counted


class ChainCheck(Model):
    """How far a merchant's chain of audit events has been recomputed, and what came of it last."""

    __tablename__ = "chain_check"

    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), primary_key=True)
    # The check that is going on: events up to `seq` are right, and this is the hash they end with.
    begun_at: Mapped[datetime | None]
    seq: Mapped[int]
    hash: Mapped[bytes]
    # The last one that came to an end.
    checked_at: Mapped[datetime | None]
    checked_seq: Mapped[int | None]
    wrong: Mapped[str | None]  # None: the chain is whole
