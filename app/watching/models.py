"""What watching remembers: totals, the scheduler's beat, what the books said, incidents, messages."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import clock
from app.extensions import Model
from app.merchants import Merchant

OPENED, OVER = "opened", "over"
MAIL, WEBHOOK = "mail", "webhook"
SCHEDULER = "scheduler"


class RunningTotal(Model):
    """How often something has happened: it only rises. All processes and machines together."""

    __tablename__ = "running_total"

    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class Counted(Model):
    """How far a merchant's audit log is in the totals."""

    __tablename__ = "counted"

    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), primary_key=True)
    seq: Mapped[int]


class Beat(Model):
    """When somebody who must not be missing was last there."""

    __tablename__ = "beat"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class BooksCheck(Model):
    """What the last check of the books found against a rule."""

    __tablename__ = "books_check"

    rule: Mapped[str] = mapped_column(primary_key=True)
    wrong: Mapped[int]  # rows, of the few that are listed
    checked_at: Mapped[datetime]


class Incident(Model):
    """A condition that held for a merchant, or (none) for the installation, from then to then."""

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("closed_at is null or closed_at >= opened_at", name="in_order"),
        Index(
            "uq_incident_open",
            "condition",
            "merchant_id",
            unique=True,
            postgresql_where=text("closed_at is null"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    condition: Mapped[str]  # its name in watching/conditions.py
    merchant_id: Mapped[int | None] = mapped_column(ForeignKey("merchant.id"))
    says: Mapped[str]  # as it was last seen
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    told_at: Mapped[datetime | None]  # when it had lasted long enough to be told
    closed_at: Mapped[datetime | None]
    merchant: Mapped[Merchant | None] = relationship()


class AlertMessage(Model):
    """Something to be told about an incident, by one way: the outbox. Sent at least once."""

    __tablename__ = "alert_message"
    __table_args__ = (
        CheckConstraint(f"kind in ('{OPENED}', '{OVER}')", name="kind"),
        CheckConstraint(f"channel in ('{MAIL}', '{WEBHOOK}')", name="channel"),
        Index("uq_alert_message_once", "incident_id", "kind", "channel", unique=True),
        Index("ix_alert_message_due", "next_try_at", postgresql_where=text("sent_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    kind: Mapped[str]
    channel: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    next_try_at: Mapped[datetime] = mapped_column(default=clock.now)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None]  # the kind of the last one: never an answer's text
    incident: Mapped[Incident] = relationship()
