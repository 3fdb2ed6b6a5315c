"""A time in which prompts through one number do not go out as usual (ADR 17)."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

OPEN_SQL = text("closed_at is null")


class Outage(Model):
    """Of a shortcode, not of a merchant: whoever shares the number shares what M-PESA does with it."""

    __tablename__ = "outage"
    __table_args__ = (
        CheckConstraint("(closed_at is null) = (closed_by is null)", name="closed_by_whom"),
        Index("uq_outage_open", "shortcode", unique=True, postgresql_where=OPEN_SQL),
        Index("ix_outage_shortcode", "shortcode", "opened_at"),
        Index("ix_outage_closed_at", "closed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    shortcode: Mapped[str]
    by_hand: Mapped[bool]  # somebody of the staff pauses prompts: nothing is tried meanwhile
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]  # scheduler, or as audit events name people
    why: Mapped[str]  # the figures, or the reason that a person gave
    look_at: Mapped[datetime]  # when the next single prompt may try; of a pause: its end
    probes: Mapped[int] = mapped_column(SmallInteger, default=0)  # single prompts that tried
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    closed_why: Mapped[str | None]
