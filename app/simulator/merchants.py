"""Who may ask for money here, and the tokens that prove it."""

import base64
import time
from collections import deque
from random import Random
from threading import Lock

from app.simulator.payments import Payment
from app.simulator.settings import Merchant

TOKEN_SECONDS = 3599
MINUTE = 60


class Merchants:
    def __init__(self, first: Merchant, *, accept_any: bool) -> None:
        self._by_shortcode = {first.shortcode: first}
        self.accept_any = accept_any

    def register(self, merchant: Merchant) -> None:
        # A new dictionary rather than a change: others may be reading this one.
        self._by_shortcode = self._by_shortcode | {merchant.shortcode: merchant}

    def admits(self, key: str, secret: str) -> bool:
        pairs = {(one.consumer_key, one.consumer_secret) for one in self._by_shortcode.values()}
        return (key, secret) in pairs or self.accept_any

    def find(self, shortcode: str) -> Merchant | None:
        found = self._by_shortcode.get(shortcode)
        if found is None and self.accept_any:
            name = f"PAYBILL {shortcode}"
            return Merchant("", "", shortcode, passkey="", till=None, name=name)
        return found

    def serves(self, merchant: Merchant, key: str) -> bool:
        return self.accept_any or merchant.consumer_key == key


def password_fits(merchant: Merchant, password: str, timestamp: str) -> bool:
    if merchant.passkey:
        clear = f"{merchant.shortcode}{merchant.passkey}{timestamp}"
        return password == base64.b64encode(clear.encode()).decode()
    return has_password_shape(merchant.shortcode, password, timestamp)


def has_password_shape(shortcode: str, password: str, timestamp: str) -> bool:
    try:
        clear = base64.b64decode(password, validate=True).decode()
    except ValueError:
        return False
    passkey = clear.removeprefix(shortcode).removesuffix(timestamp)
    return clear == f"{shortcode}{passkey}{timestamp}" and passkey != ""


class Tokens:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._lock = Lock()
        self._issued: dict[str, tuple[str, float]] = {}

    def issue(self, key: str, *, alone: bool) -> str:
        """`alone`: the new token ends the key's earlier ones, as the portal's FAQ says."""
        with self._lock:
            if alone:
                self._issued = {t: made for t, made in self._issued.items() if made[0] != key}
            token = f"{self._random.getrandbits(140):035x}"
            self._issued[token] = (key, time.monotonic() + TOKEN_SECONDS)
            return token

    def owner(self, token: str) -> str | None:
        with self._lock:
            key, until = self._issued.get(token, (None, 0.0))
        return key if time.monotonic() < until else None

    def forget(self) -> None:
        with self._lock:
            self._issued.clear()


class QuestionMeter:
    """Sandbox's limit on queries, per shortcode."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: dict[str, deque[float]] = {}

    def admits(self, payment: Payment, per_minute: int | None) -> bool:
        if per_minute is None:
            return True
        with self._lock:
            asked = self._asked.setdefault(payment.order.merchant.shortcode, deque())
            while asked and asked[0] <= time.monotonic() - MINUTE:
                asked.popleft()
            if len(asked) >= per_minute:
                return False
            asked.append(time.monotonic())
            return True

    def clear(self) -> None:
        with self._lock:
            self._asked.clear()
