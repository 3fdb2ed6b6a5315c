"""The second factor: six digits from the person's phone, or a recovery code when it is gone.

A code is taken once. Of two requests that bring the same one at the same time the database lets
one through: both are a single UPDATE whose condition the first makes false for the second.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from secrets import choice

import pyotp
from sqlalchemy import delete, func, or_, select, update

from app import audit, clock, crypto
from app.errors import Refused
from app.extensions import db
from app.staff.models import RecoveryCode, Staff, StaffSession

STEP_SECONDS = 30
EITHER_WAY = 1  # steps: a phone's clock may be half a minute off
DIGITS = 6
ISSUER = "Malipo"
ENROLMENT_FOR = timedelta(minutes=30)
RECOVERY_CODES = 10
RECOVERY_LETTERS = 10  # of 32: 50 bits, and five wrong ones in five minutes are too many
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: what looks alike is one letter
ALIKE = str.maketrans("OIL", "011", "-")


@dataclass(frozen=True)
class Enrolment:
    """What the page shows before the person has proved that the phone has it. Kept nowhere."""

    secret: str
    uri: str
    sealed: str  # goes through the browser and back; opens for this session only


def enrol(session: StaffSession) -> Enrolment:
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=session.person.email, issuer_name=ISSUER)
    return Enrolment(secret, uri, _seal_for_form(session, secret))


def enrolment(session: StaffSession, sealed: str) -> Enrolment:
    """The one that the form brings back. Raises Refused when it is too old or another session's."""
    secret = _unseal_from_form(session, sealed)
    uri = pyotp.TOTP(secret).provisioning_uri(name=session.person.email, issuer_name=ISSUER)
    return Enrolment(secret, uri, sealed)


def _seal_for_form(session: StaffSession, secret: str) -> str:
    text = f"{int(clock.now().timestamp())}|{secret}"
    return crypto.seal(text.encode(), _form(session)).hex()


def _unseal_from_form(session: StaffSession, sealed: str) -> str:
    too_old = Refused("The page was open for too long. Scan the new picture.")
    try:
        made, secret = crypto.unseal(bytes.fromhex(sealed), _form(session)).decode().split("|")
    except (crypto.CannotOpen, ValueError) as error:
        raise too_old from error
    if clock.now().timestamp() - int(made) > ENROLMENT_FOR.total_seconds():
        raise too_old
    return secret


def _form(session: StaffSession) -> str:
    return f"staff_session.enrolment|{session.id}"


def confirm(person: Staff, enrolment: Enrolment, code: str, actor: str) -> list[str] | None:
    """The recovery codes, to be shown once; None when the code is not the phone's."""
    step = _step_of(enrolment.secret, code)
    if step is None:
        return None
    person.totp_sealed = crypto.seal(enrolment.secret.encode(), _place(person))
    person.totp_confirmed_at = clock.now()
    person.totp_last_step = step
    audit.record(person, "staff.second_factor_set", actor=actor)
    return new_recovery_codes(person)


def _place(person: Staff) -> str:
    return f"staff.totp_sealed|{person.id}"


def accepts(person: Staff, typed: str) -> str | None:
    """By what it was right, "totp" or "recovery_code"; None when it was not, or was used before."""
    if person.totp_sealed is None:
        return None
    plain = "".join(typed.split())
    if len(plain) == DIGITS and plain.isascii() and plain.isdigit():
        return "totp" if _take_step(person, plain) else None
    return "recovery_code" if _take_recovery_code(person, plain) else None


def _take_step(person: Staff, code: str) -> bool:
    """Whatever was accepted, this code or a newer one, is not accepted again."""
    step = _step_of(crypto.unseal(person.totp_sealed or b"", _place(person)).decode(), code)
    if step is None:
        return False
    newer = or_(Staff.totp_last_step.is_(None), Staff.totp_last_step < step)
    taken = update(Staff).where(Staff.id == person.id, newer).values(totp_last_step=step)
    return db.session.scalar(taken.returning(Staff.id)) is not None


def _step_of(secret: str, code: str) -> int | None:
    """Which half minute the code is of, if it is one of now; all are compared, in equal time."""
    totp, now = pyotp.TOTP(secret), int(clock.now().timestamp()) // STEP_SECONDS
    steps = range(now - EITHER_WAY, now + EITHER_WAY + 1)
    fitting = [step for step in steps if _equal(totp.generate_otp(step), code)]
    return max(fitting, default=None)


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _take_recovery_code(person: Staff, typed: str) -> bool:
    mine = (RecoveryCode.staff_id == person.id, RecoveryCode.used_at.is_(None))
    same = RecoveryCode.code_hash == _hash(person, typed)
    used = update(RecoveryCode).where(*mine, same).values(used_at=clock.now())
    return db.session.scalar(used.returning(RecoveryCode.id)) is not None


def new_recovery_codes(person: Staff) -> list[str]:
    """In place of all that were there. What is kept cannot be turned back into them."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == person.id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    db.session.add_all(
        RecoveryCode(staff_id=person.id, code_hash=_hash(person, code)) for code in codes
    )
    return codes


def _recovery_code() -> str:
    letters = "".join(choice(ALPHABET) for _ in range(RECOVERY_LETTERS))
    half = RECOVERY_LETTERS // 2
    return f"{letters[:half]}-{letters[half:]}"


def _hash(person: Staff, code: str) -> bytes:
    """Keyed, like the index of phones: a stolen database does not let codes be tried out."""
    return crypto.blind_index(f"{person.id}|{code.upper().translate(ALIKE)}", "recovery_code")


def recovery_codes_left(person: Staff) -> int:
    unused = (RecoveryCode.staff_id == person.id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(select(func.count()).where(*unused)) or 0
