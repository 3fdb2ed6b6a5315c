"""Without a database there is no outbox: the operator is told straight away, from memory.

Each scheduler process tells by itself: without rows none knows of the others.
"""

from datetime import datetime, timedelta

from app import clock
from app.jobs import tell
from app.logs import log
from app.telling.errors import Undelivered
from app.watching import conditions
from app.watching.models import OPENED, OVER
from app.watching.outbox import Batch, Message

GONE = conditions.ALL["DatabaseGone"]
PAUSE = timedelta(minutes=1)  # between two tries to tell


class Alarm:
    def __init__(self) -> None:
        self._lost_at: datetime | None = None
        self._try_at = clock.now()
        self._told = False

    def lost(self) -> None:
        """Nothing came of a tick. A restart is over before anybody is told."""
        now = clock.now()
        self._lost_at = self._lost_at or now
        if not self._told and now >= max(self._try_at, self._lost_at + GONE.lasting):
            self._try_at = now + PAUSE
            self._told = _tell(_message(OPENED, self._lost_at))

    def back(self) -> None:
        if self._told and self._lost_at is not None:
            _tell(_message(OVER, self._lost_at))
        self._lost_at, self._told = None, False


def _message(state: str, since: datetime) -> Message:
    return Message(
        id=int(since.timestamp()),
        state=state,
        condition=GONE.name,
        severity=GONE.severity,
        merchant=None,
        says=GONE.says,
        opened_at=since,
        closed_at=clock.now() if state == OVER else None,
    )


def _tell(message: Message) -> bool:
    """Whether somebody was told, or nobody wants to be."""
    ways = tell.ways()
    told = [name for name, way in ways.items() if _told(way, Batch(name, (message,)))]
    return bool(told) or not ways


def _told(way: tell.Way, batch: Batch) -> bool:
    try:
        way(batch)
    except Undelivered as error:
        log().warning("alert not sent", channel=batch.channel, error=str(error))
        return False
    return True
