"""Is Redis as a doorbell must be: there, keeping what it was given, open to nobody else?"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from rq import Worker

from app.checkup import BAD, OK, WARN, Check
from app.jobs import bell
from app.settings import settings

REACHED = "Reached"
Facts = dict[str, Any]  # as INFO tells them


def checks() -> list[Check]:
    try:
        facts: Facts = bell.impatient(settings().redis_url).info()
    except (AuthenticationError, NoPermissionError, ResponseError) as error:
        says = f"Redis refuses us ({type(error).__name__})."
        return [Check(REACHED, BAD, says, "Put its user and password into REDIS_URL.")]
    except RedisError as error:
        says = f"Redis does not answer within 0.3 s ({type(error).__name__})."
        mend = "See that it runs, and that REDIS_URL is right. Until then all work waits for the sweep."
        return [Check(REACHED, BAD, says, mend)]
    return [Check(REACHED, OK, "It answers."), *(check(facts) for check in OF_A_RUNNING_ONE)]


def policy(facts: Facts) -> Check:
    name, found = "Eviction", str(facts.get("maxmemory_policy", "unknown"))
    if found != "noeviction":
        says = f"maxmemory-policy is {found}: a full Redis throws away what we put there."
        return Check(name, BAD, says, "Set maxmemory-policy noeviction.")
    return Check(name, OK, "A full Redis throws nothing away.")


def append_only(facts: Facts) -> Check:
    name = "Append-only file"
    if not int(facts.get("aof_enabled", 0)):
        says = "It is off: a restart of Redis forgets rings, and work waits for the sweep."
        return Check(name, BAD, says, "Set appendonly yes.")
    return Check(name, OK, "On.")


def closed(_facts: Facts) -> Check:
    """That a password was asked for cannot be seen; that none was given can (C39)."""
    name, url = "Password", urlsplit(settings().redis_url)
    if url.scheme == "unix" or url.password or url.hostname is None:
        return Check(name, OK, "Nobody else may use it.")
    state = WARN if _is_here(url.hostname) else BAD
    return Check(
        name, state, "Anybody who reaches Redis may use it.", "Set requirepass, and REDIS_URL."
    )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def workers(_facts: Facts) -> Check:
    name = "Workers"
    connection = bell.impatient(settings().redis_url)
    count = Worker.count(connection=connection, queue=bell.queue(connection))
    if not count:
        return Check(name, WARN, "None runs: prompts wait for the sweep.", "Start flask worker.")
    return Check(name, OK, f"{count}.")


OF_A_RUNNING_ONE: tuple[Callable[[Facts], Check], ...] = (policy, append_only, closed, workers)
