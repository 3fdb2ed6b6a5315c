"""Accounts: made, changed, closed. Each verb says who did it, and why where it takes something away."""

import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select

from app import audit, clock
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.staff import passwords, sessions
from app.staff.models import OPERATOR, OWNER, ROLES, RecoveryCode, Staff

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,}")
LONGEST_NAME = 80
# Long enough for a weekend; what was said on the phone or written down shall not stay valid.
TEMPORARY_FOR = timedelta(days=3)


@dataclass(frozen=True)
class By:
    """Who does it, and the reason that they gave."""

    actor: str
    reason: str | None = None

    def details(self) -> dict[str, str]:
        return {"reason": self.reason} if self.reason else {}


COMMAND = By("command")


def create(merchant: Merchant, email: str, role: str, password: str, by: By = COMMAND) -> Staff:
    """Raises Refused. A password typed into a command is the person's own and may be shorter."""
    passwords.check(password, shortest=passwords.SHORTEST_IN_A_COMMAND)
    return _add(merchant, email, role, password, by)


def invite(merchant: Merchant, email: str, role: str, by: By) -> tuple[Staff, str]:
    """With a password that is told once and must be changed at the first sign-in. Raises Refused."""
    password = passwords.temporary()
    person = _add(merchant, email, role, password, by)
    person.must_change_password = True
    return person, password


def _add(merchant: Merchant, email: str, role: str, password: str, by: By) -> Staff:
    email = email.strip().lower()
    if not EMAIL.fullmatch(email) or not email.isprintable():
        raise Refused("EMAIL must look like amina@example.co.ke.")
    _check_role(role)
    if named(email):
        raise Refused(f"There is an account for {email} already.")
    hashed = passwords.hashed(password)
    person = Staff(merchant_id=merchant.id, email=email, role=role, password_hash=hashed)
    person.password_changed_at = clock.now()
    db.session.add(person)
    audit.record(person, "staff.created", actor=by.actor, role=role, **by.details())
    return person


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refused(f"The role must be one of {', '.join(ROLES)}.")


def named(email: str) -> Staff | None:
    typed = sessions.printable(email).strip().lower()
    return db.session.scalar(select(Staff).where(Staff.email == typed))


def rename(person: Staff, name: str) -> None:
    person.name = sessions.printable(name).strip()[:LONGEST_NAME] or None


def choose_password(person: Staff, password: str, by: By, *, keep: int | None = None) -> None:
    """The person's own choice. Ends every session but the one to keep. Raises Refused."""
    passwords.check(password)
    if passwords.fits(person, password):
        raise Refused("Choose a password that is not the one you have now.")
    _replace_password(person, password, by, temporary=False)
    sessions.end_all(person, "password", but=keep)


def reset_password(person: Staff, password: str, by: By) -> None:
    """From a command: the person's own from now on. Raises Refused."""
    passwords.check(password, shortest=passwords.SHORTEST_IN_A_COMMAND)
    _replace_password(person, password, by, temporary=False)
    sessions.end_all(person, "password")


def give_temporary_password(person: Staff, by: By) -> str:
    password = passwords.temporary()
    _replace_password(person, password, by, temporary=True)
    sessions.end_all(person, "password")
    return password


def _replace_password(person: Staff, password: str, by: By, *, temporary: bool) -> None:
    person.password_hash = passwords.hashed(password)
    person.password_changed_at = clock.now()
    person.must_change_password = temporary
    action = "staff.password_reset" if temporary else "staff.password_changed"
    audit.record(person, action, actor=by.actor, **by.details())


def password_lapsed(person: Staff) -> bool:
    """Whether a temporary password was left unused for too long."""
    since = person.password_changed_at or person.created_at
    return person.must_change_password and clock.now() > since + TEMPORARY_FOR


def change_role(person: Staff, role: str, by: By) -> None:
    """Acts at once: sessions read it with each request. Raises Refused."""
    _check_role(role)
    if role == person.role:
        return
    keep_an_owner(person)
    audit.record(
        person,
        "staff.role_changed",
        actor=by.actor,
        **{"from": person.role, "to": role},
        **by.details(),
    )
    person.role = role


def disable(person: Staff, by: By) -> None:
    if person.disabled_at is None:
        person.disabled_at = clock.now()
        audit.record(person, "staff.disabled", actor=by.actor, **by.details())
    sessions.end_all(person, "disabled")


def enable(person: Staff, by: By) -> None:
    if person.disabled_at is not None:
        person.disabled_at = None
        audit.record(person, "staff.enabled", actor=by.actor, **by.details())


def keep_an_owner(person: Staff) -> None:
    """Raises Refused for the last owner. Their rows stay locked: two owners cannot remove each other."""
    if person.role != OWNER or person.disabled_at:
        return
    owners = (
        Staff.merchant_id == person.merchant_id,
        Staff.role == OWNER,
        Staff.disabled_at.is_(None),
    )
    locked = select(Staff.id).where(*owners).order_by(Staff.id).with_for_update()
    if set(db.session.scalars(locked)) <= {person.id}:
        raise Refused("This is the last owner. Make somebody else an owner first.")


def remove_second_factor(person: Staff, by: By) -> None:
    """With its recovery codes and every session: whoever has the phone is out."""
    person.totp_sealed = person.totp_confirmed_at = None
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    audit.record(person, "staff.second_factor_removed", actor=by.actor, **by.details())
    sessions.end_all(person, "second_factor")


def require_second_factor(merchant: Merchant, by: By, *, required: bool) -> None:
    if merchant.second_factor_required != required:
        merchant.second_factor_required = required
        audit.record(merchant, "merchant.second_factor_required", actor=by.actor, required=required)


def sign_out(person: Staff, by: By, *, but: int | None = None) -> None:
    """Everywhere, or everywhere else."""
    count = sessions.end_all(person, "ended", but=but)
    audit.record(person, "staff.signed_out", actor=by.actor, sessions=count, **by.details())


def of_merchant(merchant: Merchant, *, operators: bool) -> list[Staff]:
    """Operators are shown to operators only: a merchant's owner has no say over them."""
    mine = [Staff.merchant_id == merchant.id]
    if not operators:
        mine.append(Staff.role != OPERATOR)
    return list(db.session.scalars(select(Staff).where(*mine).order_by(Staff.email)))
