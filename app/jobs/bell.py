"""Ring the worker. A ring may be lost, doubled or late: the rows and the sweep decide.

Nobody who serves a request waits for Redis: a thread of the process does the ringing, and many
rings for the same work, while it is at it, are one. A frozen Redis costs that thread 300 ms.
"""

import threading
import time
from functools import cache
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from app.logs import log
from app.settings import settings

QUEUE = "malipo"
REST = 0.01  # seconds after a ring: those that come meanwhile are one, and cost one
ENOUGH = 100  # so many rings waiting say as much as more would
# Seconds. After two minutes the sweep has seen the work; a backlog may take an hour to drain.
RING = {"ttl": 120, "result_ttl": 0, "job_timeout": 3600}
SEND, SETTLE, ASK = "send_prompts", "settle_inbox", "ask_questions"


def impatient(url: str) -> Redis:
    """A client for where somebody waits: redis-py's own defaults hang on a frozen server."""
    return Redis.from_url(
        url, socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0)
    )


def queue(connection: Redis) -> Queue:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)


def ring(job: str) -> None:
    """Says that there may be work of this kind. Returns at once; call it after the commit."""
    ringer(settings().redis_url).ring(job)


@cache
def ringer(redis_url: str) -> "Ringer":
    return Ringer(queue(impatient(redis_url)))


class Ringer:
    def __init__(self, work: Queue) -> None:
        self._queue = work
        self._waiting = ENOUGH  # in the queue, as far as we know; so many: look
        self._asked: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ring(self, job: str) -> None:
        with self._changed:
            self._asked.add(job)
            if self._thread is None or not self._thread.is_alive():  # the first, or after a fork
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked)
                jobs, self._asked = self._asked, set()
            self._enqueue(jobs)
            time.sleep(REST)

    def _enqueue(self, jobs: set[str]) -> None:
        try:
            if self._waiting < ENOUGH or self._queue.count < ENOUGH:
                self._waiting = self._put(sorted(jobs))
        except RedisError as error:
            log().warning("bell not rung", jobs=sorted(jobs), error=type(error).__name__)

    def _put(self, jobs: list[str]) -> int:
        """As RQ's own enqueue, which makes the same job anew each time, and a transaction for it: that
        took the web process as long as the message did. How many wait now."""
        with self._queue.connection.pipeline(transaction=False) as sent:
            for job in jobs:
                job_id = uuid4().hex
                sent.hset(Job.key_for(job_id), mapping=_written(job))
                sent.expire(Job.key_for(job_id), RING["ttl"])
                sent.rpush(self._queue.key, job_id)
            return int(sent.execute()[-1])


@cache
def _written(job: str) -> dict[Any, Any]:
    """As RQ keeps a job of this kind: all are alike."""
    made = Job.create(
        f"app.jobs.work.{job}",
        connection=Redis(),  # which it does not use
        serializer=JSONSerializer,
        origin=QUEUE,
        status=JobStatus.QUEUED,
        timeout=RING["job_timeout"],
        ttl=RING["ttl"],
        result_ttl=RING["result_ttl"],
    )
    return {name: value for name, value in made.to_dict().items() if value != ""}
