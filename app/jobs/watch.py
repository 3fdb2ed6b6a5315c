"""The leading scheduler watches: it beats, counts, and notes what wants a person.

Whatever goes wrong here is logged and no more: money does not wait for it.
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from app import clock
from app.extensions import db
from app.jobs import readings, tell, work
from app.logs import log
from app.watching import house, incidents, outbox, totals

BEAT, LOOK = timedelta(seconds=10), timedelta(minutes=1)


class Watch:
    """Its memory is the process's: after a restart it looks once more, which harms nothing."""

    def __init__(self) -> None:
        self._beaten_at = self._looked_at = clock.now() - LOOK

    def do_what_is_due(self) -> None:
        now = clock.now()
        try:
            self._look_and_beat(now)
        except Exception as error:  # noqa: BLE001 - watching must not stop what it watches
            log().exception("not watched", error=type(error).__name__)
            db.session.rollback()

    def _look_and_beat(self, now: datetime) -> None:
        """The look comes first: a new leader sees how long there was none."""
        if now - self._looked_at >= LOOK:
            self._looked_at = now
            look()
        if now - self._beaten_at >= BEAT:
            self._beaten_at = now
            house.beat()
            db.session.commit()
            count()


def look() -> None:
    """Rows decide what holds; messages are rows too, and sent by a lane of their own."""
    house.begin()
    found = incidents.look(readings.take())
    db.session.execute(text("set local statement_timeout = default"))
    incidents.note(found, tuple(tell.ways()))
    db.session.commit()
    if outbox.is_due():
        work.lanes("tell").open()
    db.session.rollback()


def count() -> None:
    for merchant_id in totals.behind():
        totals.count(merchant_id)
        db.session.commit()
    db.session.rollback()
