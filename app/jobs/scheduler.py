"""`flask scheduler`: any number may run, one acts. The one that holds the lock sweeps."""

import threading
from time import monotonic

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.jobs import spool, work
from app.jobs.alarm import Alarm
from app.jobs.housekeeping import Housekeeping
from app.jobs.sweep import between_sweeps, sweep
from app.jobs.watch import Watch
from app.logs import log
from app.settings import settings

LOCK = 0x4D616C69706F  # "Malipo"
TICK = 1.0  # seconds: how late a question may be


class Scheduler:
    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._connection: Connection | None = None
        self._swept_at = float("-inf")
        self._housekeeping = Housekeeping()
        self._watch = Watch()
        self._alarm = Alarm()

    def run(self) -> None:
        """Until `stopping` is set. A lost database is waited for; the lock goes to whoever is there."""
        while not self.stopping.is_set():
            try:
                self.tick()
                self._alarm.back()
            except SQLAlchemyError as error:
                log().warning("scheduler without database", error=type(error).__name__)
                self.resign()
                self._alarm.lost()
            except Exception:  # noqa: BLE001 - whatever one tick met, the next one may not: money waits for it
                log().exception("scheduler tick failed")
                self.resign()
            self.stopping.wait(TICK)
        work.close_lanes()
        self.resign()

    def tick(self) -> None:
        spool.take_in()  # files are this machine's: whether we lead or not
        if not self._leading():
            return
        self._watch.do_what_is_due()
        if monotonic() - self._swept_at >= settings().sweep_seconds:
            self._swept_at = monotonic()
            sweep()
            self._housekeeping.do_what_is_due()
        else:
            between_sweeps()

    def _leading(self) -> bool:
        """The lock lives as long as its connection: a killed leader loses it with its socket."""
        if self._connection is None:
            self._connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        held = select(func.pg_try_advisory_lock(LOCK))
        if self._connection.info.get("leads"):
            self._connection.execute(select(1))
            return True
        self._connection.info["leads"] = bool(self._connection.scalar(held))
        return bool(self._connection.info["leads"])

    def resign(self) -> None:
        connection, self._connection = self._connection, None
        db.session.remove()
        if connection is not None:
            connection.invalidate()  # not back to the pool: it may hold the lock
            connection.close()


def is_led() -> bool:
    """Whether some scheduler, on whatever machine, holds the lock. Raises SQLAlchemyError."""
    halves = {"high": LOCK >> 32, "low": LOCK & 0xFFFFFFFF}
    here = "database = (select oid from pg_database where datname = current_database())"
    held = f"select 1 from pg_locks where locktype = 'advisory' and granted and {here}"  # noqa: S608
    mine = text(f"{held} and classid = :high and objid = :low and objsubid = 1")
    return db.session.scalar(mine, halves) is not None
