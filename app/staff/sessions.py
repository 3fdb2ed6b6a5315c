"""Where people are signed in. A row per browser, so that ending it kills every copy of the cookie."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import ColumnElement, delete, or_, select, update

from app import audit, clock, crypto
from app.extensions import db
from app.staff.models import Staff, StaffSession

IDLE = timedelta(hours=12)  # a working day: who comes back the next morning signs in
ABSOLUTE = timedelta(days=7)  # a stolen cookie is worth a week at most
SECOND_STEP = timedelta(minutes=10)  # between the password and the code
PROVED_FOR = timedelta(minutes=15)  # what is dear asks for the password again after that
SEEN_EVERY = timedelta(minutes=1)  # a write for each click would buy nothing
KEPT = timedelta(days=90)  # after their end, for whoever has to look back
BROWSER_CHARACTERS = 200


@dataclass(frozen=True)
class Place:
    """Where a request came from."""

    address: str | None
    browser: str


def begin(person: Staff, place: Place) -> tuple[StaffSession, str]:
    """A session and the token that finds it. Where a second factor is to come, it is short."""
    token = crypto.new_token()
    session = StaffSession(
        person=person,
        token_hash=crypto.token_hash(token),
        expires_at=clock.now() + (SECOND_STEP if person.has_second_factor else ABSOLUTE),
        address=network(place.address),
        user_agent=printable(place.browser)[:BROWSER_CHARACTERS],
    )
    db.session.add(session)
    return session, token


def network(address: str | None) -> str | None:
    """The /24 or /48 that an address is in: a place, not a person."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        known = known.ipv4_mapped or known
    return str(ip_network((known, 24 if known.version == 4 else 48), strict=False))  # noqa: PLR2004


def printable(text: str) -> str:
    """Without what PostgreSQL cannot keep and what would confuse whoever reads it."""
    return "".join(c for c in text if c.isprintable())


def find(token: str) -> StaffSession | None:
    query = (
        select(StaffSession)
        .join(StaffSession.person)
        .where(StaffSession.token_hash == crypto.token_hash(token), *_alive())
        .where(Staff.disabled_at.is_(None))
    )
    return db.session.scalar(query)


def _alive() -> tuple[ColumnElement[bool], ...]:
    now = clock.now()
    return (
        StaffSession.ended_at.is_(None),
        StaffSession.expires_at > now,
        StaffSession.seen_at > now - IDLE,
    )


def alive(person: Staff) -> list[StaffSession]:
    """The newest first; also those whose second factor is still missing: somebody has the password."""
    mine = select(StaffSession).where(StaffSession.staff_id == person.id, *_alive())
    return list(db.session.scalars(mine.order_by(StaffSession.seen_at.desc(), StaffSession.id)))


def prove(session: StaffSession, *, second_factor: bool = False) -> str:
    """The person gave what only they have: the session is whole, and has a new token."""
    token = crypto.new_token()
    now = clock.now()
    session.token_hash = crypto.token_hash(token)
    session.proved_at = now
    if second_factor:
        session.second_factor_at = now
        session.expires_at = session.created_at + ABSOLUTE
    return token


def proved(session: StaffSession) -> bool:
    """Whether the person proved lately that it is still they who sit there."""
    return clock.now() - session.proved_at < PROVED_FOR


def seen(session: StaffSession) -> bool:
    """Notes that it is in use; False when that was noted a moment ago."""
    now = clock.now()
    if now - session.seen_at < SEEN_EVERY:
        return False
    session.seen_at = now
    return True


def end(session: StaffSession, reason: str, actor: str) -> None:
    """A repeat is not an error."""
    if session.ended_at is None:
        session.ended_at, session.end_reason = clock.now(), reason
        audit.record(
            session.person, "staff.session_ended", actor=actor, session=session.id, reason=reason
        )


def end_all(person: Staff, reason: str, *, but: int | None = None) -> int:
    """How many; whoever calls it audits what it was for."""
    open_ones = [StaffSession.staff_id == person.id, StaffSession.ended_at.is_(None)]
    if but is not None:
        open_ones.append(StaffSession.id != but)
    ended = update(StaffSession).where(*open_ones).values(ended_at=clock.now(), end_reason=reason)
    return len(db.session.scalars(ended.returning(StaffSession.id)).all())


def purge(now: datetime | None = None) -> int:
    """Forgets where people sat, long after they left."""
    before = (now or clock.now()) - KEPT
    old = or_(StaffSession.ended_at < before, StaffSession.expires_at < before)
    gone = delete(StaffSession).where(old).returning(StaffSession.id)
    return len(db.session.scalars(gone).all())
