"""People who look after payments. Their pages come later; their accounts are real from the start."""

import re
from datetime import datetime
from functools import cache
from secrets import token_hex

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, select
from sqlalchemy.orm import Mapped, mapped_column

from app import audit, clock
from app.errors import Refused
from app.extensions import Model, db
from app.merchants import Merchant

ROLES = ("owner", "finance", "support", "viewer")
SHORTEST_PASSWORD = 8
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,}")


class Staff(Model):
    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("role in ('owner', 'finance', 'support', 'viewer')", name="role"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"), index=True)
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    disabled_at: Mapped[datetime | None]


def create(merchant: Merchant, email: str, role: str, password: str) -> Staff:
    email = email.strip().lower()
    if not EMAIL.fullmatch(email):
        raise Refused("EMAIL must look like amina@example.co.ke.")
    if len(password) < SHORTEST_PASSWORD:
        raise Refused(f"The password must have at least {SHORTEST_PASSWORD} characters.")
    if db.session.scalar(select(Staff.id).where(Staff.email == email)):
        raise Refused(f"There is an account for {email} already.")
    hashed = PasswordHasher().hash(password)
    person = Staff(merchant_id=merchant.id, email=email, role=role, password_hash=hashed)
    db.session.add(person)
    audit.record(person, "staff.created", actor="command", role=role)
    return person


def password_fits(person: Staff | None, password: str) -> bool:
    """Takes as long for an unknown account as for a known one."""
    kept = person.password_hash if person else _nobodys()
    try:
        PasswordHasher().verify(kept, password)
    except VerifyMismatchError:
        return False
    return person is not None


@cache
def _nobodys() -> str:
    return PasswordHasher().hash(token_hex(16))
