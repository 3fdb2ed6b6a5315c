"""The events of each merchant, and where its chain ends."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

GENESIS = bytes(32)


class AuditEvent(Model):
    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("merchant_id", "seq"),
        Index("ix_audit_event_subject", "subject_type", "subject_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[int]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(Model):
    """The end of a merchant's chain: whoever cuts rows off the end leaves it pointing past them."""

    __tablename__ = "audit_head"

    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
