"""Daraja's access tokens, shared by all processes through Redis, sealed, and never waited for long."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import time

from redis.exceptions import LockError, RedisError

from app import crypto
from app.daraja import Unreadable, strict_json
from app.jobs import note
from app.jobs.bell import impatient

PLACE = "redis.token|"
LOCK_SECONDS = 10


class RedisTokens:
    """A daraja.TokenCache. Redis may be refused, frozen or empty: then it knows nothing."""

    def __init__(self, url: str) -> None:
        self._redis = impatient(url)

    def get(self, key: str) -> tuple[str, float] | None:
        try:
            sealed = self._redis.get(f"malipo:token:{key}")
            if not isinstance(sealed, bytes):
                return None
            token, expires_at = _pair(strict_json(crypto.unseal(sealed, PLACE + key)))
        except (RedisError, crypto.CannotOpen, Unreadable, ValueError, TypeError):
            return None
        return token, expires_at

    def put(self, key: str, token: str, expires_at: float) -> None:
        note.token_refresh()
        sealed = crypto.seal(json.dumps([token, expires_at]).encode(), PLACE + key)
        with suppress(RedisError):
            self._redis.set(f"malipo:token:{key}", sealed, ex=max(1, int(expires_at - time())))

    def drop(self, key: str, token: str) -> None:
        """Only if it is still that token: somebody else may have fetched a new one."""
        found = self.get(key)
        if found is not None and found[0] == token:
            with suppress(RedisError):
                self._redis.delete(f"malipo:token:{key}")

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """One process fetches; whoever waits too long, or cannot lock, goes on without."""
        lock = self._redis.lock(f"malipo:fetch:{key}", timeout=LOCK_SECONDS, blocking_timeout=5)
        held = False
        with suppress(RedisError):
            held = bool(lock.acquire())
        try:
            yield
        finally:
            if held:
                with suppress(RedisError, LockError):
                    lock.release()


def _pair(value: object) -> tuple[str, float]:
    """Raises ValueError or TypeError for anything else."""
    if not isinstance(value, list):
        raise TypeError("not a pair")
    token, expires_at = value
    return str(token), float(expires_at)
