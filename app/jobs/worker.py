"""`flask worker`: one RQ worker that does not fork, so that a job starts in 1-2 ms (perf.md B3)."""

from time import sleep

from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker

from app.jobs import bell, work
from app.logs import log
from app.settings import settings

WORKER_TTL = 30  # seconds: a frozen Redis is noticed after this
DRAIN_SECONDS = 40


def run() -> None:
    """Until SIGTERM or SIGINT; then what was begun is finished."""
    while not _work():
        sleep(1)
    for name in ("send", "ask"):
        work.lanes(name).close(DRAIN_SECONDS)


def _work() -> bool:
    """False when Redis went away: the sweep does the work meanwhile, and we come back."""
    connection = Redis.from_url(settings().redis_url)
    queue = bell.queue(connection)
    try:
        worker = SimpleWorker(
            [queue], connection=connection, serializer=queue.serializer, worker_ttl=WORKER_TTL
        )
        worker.log_job_description = False
        worker.work(logging_level="WARNING", with_scheduler=False)
    except (RedisError, OSError) as error:
        log().warning("worker without redis", error=type(error).__name__)
        return False
    finally:
        connection.close()
    return True
