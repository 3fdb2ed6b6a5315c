"""One OAuth token per app, shared by all: a new one may end the one before it (daraja.md §1.1)."""

import hashlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Protocol

from app import clock
from app.daraja.errors import DarajaError
from app.daraja.words import Credentials

EARLY = 300.0  # seconds before its end at which a token is replaced
Fetch = Callable[[], tuple[str, float]]  # the token, and its end in epoch seconds


class TokenCache(Protocol):
    """A store that other processes see too. `expires_at` is when to stop using the token. Never raises."""

    def get(self, key: str) -> tuple[str, float] | None: ...
    def put(self, key: str, token: str, expires_at: float) -> None: ...
    def drop(self, key: str, token: str) -> None:
        """Only if it is still that token."""

    def lock(self, key: str) -> AbstractContextManager[None]:
        """One process at a time; who has waited for some seconds goes on without it."""


class Tokens:
    """Our own memory first, then the shared store, then Safaricom: one request at a time per app."""

    def __init__(self, shared: TokenCache | None = None) -> None:
        self._shared: TokenCache = shared or _Nobody()
        self._own: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, Lock] = {}
        self._failures: dict[str, tuple[float, DarajaError]] = {}

    def get(self, credentials: Credentials, fetch: Fetch) -> str:
        """Raises what `fetch` raises."""
        key = _key(credentials)
        asked = time.monotonic()
        if token := _usable(self._own.get(key)):
            return token
        with self._lock(key):
            self._share_failure(key, asked)
            if token := self._known(key):
                return token
            with self._shared.lock(key):
                return self._known(key) or self._fetched(key, fetch)

    def renew(self, credentials: Credentials, fetch: Fetch) -> str:
        """Asks Safaricom whatever we have, to try the credentials."""
        key = _key(credentials)
        with self._lock(key), self._shared.lock(key):
            return self._fetched(key, fetch)

    def drop(self, credentials: Credentials, token: str) -> None:
        """Forgets a refused token, unless another has taken its place already."""
        key = _key(credentials)
        with self._lock(key):
            if self._own.get(key, ("",))[0] == token:
                del self._own[key]
        self._shared.drop(key, token)

    def _lock(self, key: str) -> Lock:
        return self._locks.setdefault(key, Lock())  # atomic, so two threads get the same one

    def _share_failure(self, key: str, asked: float) -> None:
        """Who waited for a fetch that failed fails with it: in turn, each would wait for a time-out."""
        failed_at, failure = self._failures.get(key, (0.0, None))
        if failure and failed_at >= asked:
            raise failure

    def _known(self, key: str) -> str:
        for kept in (self._own.get(key), self._shared.get(key)):
            if kept and (token := _usable(kept)):
                self._own[key] = kept
                return token
        return ""

    def _fetched(self, key: str, fetch: Fetch) -> str:
        try:
            token, end = fetch()
        except DarajaError as error:
            self._failures[key] = time.monotonic(), error
            raise
        left = end - clock.now().timestamp()
        stale_at = end - min(EARLY, left / 2)
        self._own[key] = token, stale_at
        self._shared.put(key, token, stale_at)
        return token


def _key(credentials: Credentials) -> str:
    """Names the app without telling its key. A new secret finds no token that the old one opened."""
    ours = credentials
    name = f"{ours.base_url}|{ours.consumer_key}|{ours.consumer_secret}"
    return hashlib.sha256(name.encode()).hexdigest()


def _usable(kept: tuple[str, float] | None) -> str:
    return kept[0] if kept and clock.now().timestamp() < kept[1] else ""


class _Nobody:
    """Shared with nobody."""

    def get(self, key: str) -> None: ...
    def put(self, key: str, token: str, expires_at: float) -> None: ...
    def drop(self, key: str, token: str) -> None: ...
    def lock(self, key: str) -> AbstractContextManager[None]:
        return nullcontext()
