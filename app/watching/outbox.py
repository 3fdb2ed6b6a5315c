"""Messages about incidents that wait to be sent: claimed by moving their time on, sent at least once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app import clock
from app.clock import NAIROBI
from app.extensions import db
from app.watching import conditions
from app.watching.condition import PAGE
from app.watching.models import OVER, AlertMessage, Incident

AT_ONCE = 50  # what happens together is told together
LEASE = timedelta(minutes=2)  # longer than any sending takes
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Message:
    """What is told, in words that name nobody but the merchant."""

    id: int
    state: str  # opened, over
    condition: str
    severity: str
    merchant: str | None
    says: str
    opened_at: datetime
    closed_at: datetime | None

    @property
    def title(self) -> str:
        state = "Over" if self.state == OVER else self.severity.capitalize()
        return f"{state}: {self.condition}" + (f" ({self.merchant})" if self.merchant else "")

    @property
    def text(self) -> str:
        since = f"Since {_local(self.opened_at)}"
        until = f", over at {_local(self.closed_at)}" if self.closed_at else ""
        return f"{self.says}\n{since}{until}. What to do: docs/runbook.md, {self.condition}."


def _local(at: datetime) -> str:
    return f"{at.astimezone(NAIROBI):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Batch:
    channel: str
    messages: tuple[Message, ...]

    @property
    def key(self) -> str:
        """The same messages, sent once more after a crash, have the same one."""
        return f"{self.channel}-{self.messages[0].id}-{self.messages[-1].id}"

    @property
    def ids(self) -> list[int]:
        return [message.id for message in self.messages]


def claim() -> Batch | None:
    """What is due for one channel, ours for a while. Commit before sending."""
    due = (AlertMessage.sent_at.is_(None), AlertMessage.next_try_at <= clock.now())
    ordered = select(AlertMessage).where(*due).order_by(AlertMessage.next_try_at, AlertMessage.id)
    found = db.session.scalars(ordered.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    if not found:
        return None
    mine = [message for message in found if message.channel == found[0].channel]
    for message in mine:
        message.tries += 1
        message.next_try_at = clock.now() + LEASE
    worded = sorted((_worded(message, message.incident) for message in mine), key=lambda m: m.id)
    return Batch(found[0].channel, tuple(worded))


def _worded(message: AlertMessage, incident: Incident) -> Message:
    known = conditions.ALL.get(incident.condition)
    return Message(
        id=message.id,
        state=message.kind,
        condition=incident.condition,
        severity=known.severity if known else PAGE,
        merchant=incident.merchant.slug if incident.merchant else None,
        says=incident.says,
        opened_at=incident.opened_at,
        closed_at=incident.closed_at if message.kind == OVER else None,
    )


def sent(ids: Sequence[int], error: str | None = None) -> None:
    """Told; or, with an error, given up."""
    done = {"sent_at": clock.now(), "error": error}
    db.session.execute(update(AlertMessage).where(AlertMessage.id.in_(ids)).values(done))


def failed(ids: Sequence[int], error: str) -> None:
    """Tried again later, longer each time, for as long as it takes."""
    for message in db.session.scalars(select(AlertMessage).where(AlertMessage.id.in_(ids))):
        pause = timedelta(minutes=1) * 2 ** min(message.tries - 1, 6)
        message.next_try_at, message.error = clock.now() + min(LONGEST_PAUSE, pause), error


def is_due() -> bool:
    due = (AlertMessage.sent_at.is_(None), AlertMessage.next_try_at <= clock.now())
    return db.session.scalar(select(AlertMessage.id).where(*due).limit(1)) is not None
