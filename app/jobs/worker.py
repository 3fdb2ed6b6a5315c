"""`flask worker`: one RQ worker that does not fork, so that a job starts in 1-2 ms (perf.md B3).

A job is a ring: heard, forgotten, and then acted on (ADR 2). RQ writes down of each that it is being
executed, by whom and how it ended, in sixty commands to Redis, which cost more than settling a message;
nobody reads that. What can happen between the lines: a crash before a ring is forgotten leaves it in
RQ's list of what was taken, after that nowhere; in both cases the rows are due, and the sweep sees them.
"""

import threading
from contextlib import suppress
from signal import SIGINT, SIGTERM, signal
from threading import Event
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.timeouts import JobTimeoutException
from rq.worker import WorkerStatus

from app.jobs import bell, work
from app.logs import log
from app.settings import settings

WORKER_TTL = 30  # seconds: a frozen Redis is noticed after this
BEAT = 20  # seconds


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

    def execute_job(self, job: Job, queue: Queue) -> None:
        self._state = WorkerStatus.BUSY  # whoever stops us now waits for the job's end
        self._forget(job, queue)
        try:
            with self.death_penalty_class(job.timeout, JobTimeoutException, job_id=job.id):
                job.func(*job.args, **job.kwargs)
        except Exception:  # noqa: BLE001 - the next ring, or the sweep, finds the same rows
            log().exception("job failed", job=job.func_name)
        self._state = WorkerStatus.IDLE

    def _forget(self, job: Job, queue: Queue) -> None:
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            pipeline.execute()

    def beat(self, ended: Event) -> None:
        """That we live: by a thread of its own, because a backlog is one long job."""
        while not ended.wait(BEAT):
            with suppress(RedisError):
                super().heartbeat()

    def heartbeat(self, *_args: object, **_more: object) -> None:
        """RQ's, several times for each job."""

    def set_state(self, state: str, pipeline: object = None) -> None:
        """Nobody reads it in Redis."""
        self._state = state

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001 - RQ's
        """Nobody suspends workers: they are stopped."""


def _work(stopping: Event) -> None:
    """Returns when told to stop, or when Redis went away: the sweep does the work meanwhile."""
    connection = Redis.from_url(settings().redis_url)
    queue = bell.queue(connection)
    ended = Event()
    try:
        worker = Worker(
            [queue], connection=connection, serializer=queue.serializer, worker_ttl=WORKER_TTL
        )
        worker.log_job_description = False
        worker.stopping = stopping
        threading.Thread(target=worker.beat, args=(ended,), name="beat", daemon=True).start()
        worker.work(logging_level="WARNING", with_scheduler=False)
    except (RedisError, OSError) as error:
        log().warning("worker without redis", error=type(error).__name__)
    finally:
        ended.set()
        connection.close()
