"""All figures at this moment: from the rows, and whether Redis is there."""

from redis.exceptions import RedisError

from app.jobs import bell
from app.settings import settings
from app.watching import lately, now, reading
from app.watching.reading import Reading

DATABASE, REDIS = "malipo_database_up", "malipo_redis_up"


def take() -> list[Reading]:
    """Raises SQLAlchemyError. The caller ends the transaction."""
    return [*reading.read((*now.ALL, *lately.ALL)), Reading(DATABASE, 1), redis()]


def without_database() -> list[Reading]:
    return [Reading(DATABASE, 0), redis()]


def redis() -> Reading:
    """At most 300 ms: a frozen one counts as gone."""
    try:
        with bell.impatient(settings().redis_url) as client:
            return Reading(REDIS, float(bool(client.ping())))
    except RedisError:
        return Reading(REDIS, 0)
