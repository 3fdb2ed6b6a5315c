"""Who looks after payments, where they are signed in, and what lets them in without their phone."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import clock
from app.extensions import Model
from app.merchants import Merchant

# An operator runs the installation and may act for any merchant; the others serve their own.
OPERATOR, OWNER = "operator", "owner"
ROLES = (OPERATOR, OWNER, "finance", "support", "viewer")


class Staff(Model):
    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint(
            "role in ('operator', 'owner', 'finance', 'support', 'viewer')", name="role"
        ),
        CheckConstraint("(totp_sealed is null) = (totp_confirmed_at is null)", name="totp"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), index=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    role: Mapped[str]
    password_hash: Mapped[str]
    password_changed_at: Mapped[datetime | None]
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    totp_sealed: Mapped[bytes | None]
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]  # the newest 30 seconds whose code was accepted
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    disabled_at: Mapped[datetime | None]
    merchant: Mapped[Merchant] = relationship()

    @property
    def has_second_factor(self) -> bool:
        return self.totp_sealed is not None


class StaffSession(Model):
    """One browser in which a person is signed in. The cookie holds a token, this row its hash."""

    __tablename__ = "staff_session"
    __table_args__ = (CheckConstraint("length(user_agent) <= 200", name="user_agent"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    # When the person last proved to be there, by a password or a code: what is dear asks again.
    proved_at: Mapped[datetime] = mapped_column(default=clock.now)
    second_factor_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    address: Mapped[str | None]  # its network only: enough to recognise a place by
    user_agent: Mapped[str]
    acting_merchant_id: Mapped[int | None] = mapped_column(ForeignKey("merchant.id"))
    person: Mapped[Staff] = relationship()
    acting_merchant: Mapped[Merchant | None] = relationship()


class RecoveryCode(Model):
    """Stands in for the second factor, once. New codes take the place of all that were there."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("staff_id", "code_hash"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    code_hash: Mapped[bytes]
    used_at: Mapped[datetime | None]
