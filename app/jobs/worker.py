"""`flask worker`: one RQ worker that does not fork, so that a job starts in 1-2 ms (perf.md B3)."""

from signal import SIGINT, SIGTERM, signal
from threading import Event
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker

from app.jobs import bell, work
from app.logs import log
from app.settings import settings

WORKER_TTL = 30  # seconds: a frozen Redis is noticed after this


def run() -> None:
    """Until SIGTERM or SIGINT; then what was begun is finished."""
    stopping = Event()
    while not stopping.is_set():
        for number in (SIGTERM, SIGINT):  # RQ's own handlers stay behind when it gives up
            signal(number, lambda *_: stopping.set())
        _work(stopping)
        stopping.wait(1)
    work.close_lanes()


class Worker(SimpleWorker):
    """Remembers that it was told to stop: RQ also ends its loop by itself, when Redis fails it."""

    stopping: Event
    max_connection_wait_time = 2.0  # seconds between tries to reach Redis; RQ's own 60 are too long

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def _work(stopping: Event) -> None:
    """Returns when told to stop, or when Redis went away: the sweep does the work meanwhile."""
    connection = Redis.from_url(settings().redis_url)
    queue = bell.queue(connection)
    try:
        worker = Worker(
            [queue], connection=connection, serializer=queue.serializer, worker_ttl=WORKER_TTL
        )
        worker.log_job_description = False
        worker.stopping = stopping
        worker.work(logging_level="WARNING", with_scheduler=False)
    except (RedisError, OSError) as error:
        log().warning("worker without redis", error=type(error).__name__)
    finally:
        connection.close()
