"""Incidents: a condition that holds becomes a row, so that each is told once, and its end too.

The leading scheduler notes what holds each minute. What held for its time gets messages in the same
commit; what no longer holds for a while is over. Messages are rows that are sent later (jobs/telling).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.extensions import db
from app.merchants import Merchant
from app.watching import conditions
from app.watching.models import OPENED, OVER, AlertMessage, Incident
from app.watching.reading import Reading

CALM = timedelta(minutes=5)  # unseen for so long: over. A ratio may dance around its threshold
Place = tuple[str, int | None]


@dataclass(frozen=True)
class Found:
    condition: str
    merchant_id: int | None
    says: str

    @property
    def place(self) -> Place:
        return self.condition, self.merchant_id


def look(readings: Sequence[Reading]) -> list[Found]:
    """What holds now."""
    holding = [
        (condition, one)
        for condition in conditions.ALL.values()
        for one in condition.holds(readings)
    ]
    ids = _merchants({one.merchant for _, one in holding if one.merchant})
    return [
        Found(condition.name, ids.get(one.merchant or ""), condition.sentence(one))
        for condition, one in holding
    ]


def _merchants(slugs: set[str]) -> dict[str, int]:
    rows = db.session.execute(select(Merchant.slug, Merchant.id).where(Merchant.slug.in_(slugs)))
    return {row.slug: row.id for row in rows}


def note(found: Iterable[Found], channels: Sequence[str]) -> None:
    """Opens, renews and closes. The caller commits: the row and its messages together, or neither."""
    holding = {one.place: one for one in found}
    now = clock.now()
    there = {(one.condition, one.merchant_id): one for one in unended()}
    for place, one in holding.items():
        incident = there.get(place) or _opened(one, now)
        incident.seen_at, incident.says = now, one.says
        if incident.told_at is None and now - incident.opened_at >= _lasting(one.condition):
            incident.told_at = now
            _tell(incident, OPENED, channels)
    for place, incident in there.items():
        if place not in holding and now - incident.seen_at >= CALM:
            incident.closed_at = now
            if incident.told_at is not None:
                _tell(incident, OVER, channels)


def _lasting(condition: str) -> timedelta:
    return conditions.ALL[condition].lasting


def _opened(one: Found, now: datetime) -> Incident:
    incident = Incident(
        condition=one.condition, merchant_id=one.merchant_id, says=one.says, opened_at=now
    )
    db.session.add(incident)
    db.session.flush()
    return incident


def unended() -> list[Incident]:
    """Of a condition that the code does not know any more, too: it is over with its next look."""
    query = select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.id)
    return list(db.session.scalars(query))


def told(merchant_id: int) -> list[Incident]:
    """A merchant's, that are going on and have lasted long enough to be told."""
    mine = (Incident.merchant_id == merchant_id, Incident.closed_at.is_(None))
    query = select(Incident).where(*mine, Incident.told_at.is_not(None)).order_by(Incident.id)
    return list(db.session.scalars(query))


def _tell(incident: Incident, kind: str, channels: Sequence[str]) -> None:
    for channel in channels:
        message = insert(AlertMessage).values(
            incident_id=incident.id,
            kind=kind,
            channel=channel,
            created_at=clock.now(),
            next_try_at=clock.now(),
            tries=0,
        )
        db.session.execute(message.on_conflict_do_nothing())
