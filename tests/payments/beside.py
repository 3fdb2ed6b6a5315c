"""Somebody else, in the middle of a transaction: who waits for whom is then no accident."""

import threading
import time
from contextlib import contextmanager

from sqlalchemy import text

from app.extensions import db
from app.payments import limits

# Of this database: other tests may run beside these, in others of the same server.
WAITING = "wait_event_type = 'Lock' and datname = current_database()"
LEFT_OPEN = "state like 'idle in transaction%' and datname = current_database()"
BUCKET = """insert into rate_bucket values (:key, 1000, now())
  on conflict (key) do update set tokens = 1000"""


class Beside(threading.Thread):
    """Somebody else's process."""

    def __init__(self, app, task):
        super().__init__()
        self.app, self.task, self.outcome = app, task, None
        self.start()

    def run(self):
        with self.app.app_context():
            try:
                self.outcome = self.task()
                db.session.commit()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                self.outcome = error
            finally:
                db.session.remove()

    def ended(self):
        """What the task answered, or raised."""
        self.join(30)
        return self.outcome


def somebody_waits(count=1):
    """Until so many wait for a lock."""
    for _ in range(300):
        if backends(WAITING) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def backends(which):
    """How many of PostgreSQL's processes are like this, besides the one that is asked."""
    query = f"select count(*) from pg_stat_activity where {which} and pid <> pg_backend_pid()"
    with db.engine.connect() as other:
        return other.scalar(text(query))


@contextmanager
def holding(sql, **values):
    """Another transaction, that holds what its statement locks until the block ends."""
    db.session.rollback()
    with db.engine.begin() as other:
        other.execute(text(sql), values)
        yield other


def bucket_held(merchant_id):
    """Who buys there has read what they read, and written nothing, until the block ends."""
    return holding(BUCKET, key=limits.bucket(merchant_id))


@contextmanager
def going_at_the_commit():
    """The server's process for whoever writes a payment."""
    gone = "perform pg_terminate_backend(pg_backend_pid()); return null;"
    with db.engine.begin() as other:
        other.exec_driver_sql(
            f"create function gone() returns trigger language plpgsql as $$ begin {gone} end $$;"
            " create constraint trigger gone after insert on payment"
            " deferrable initially deferred for each row execute function gone()"
        )
    try:
        yield
    finally:
        with db.engine.begin() as other:
            other.exec_driver_sql("drop trigger gone on payment; drop function gone()")
