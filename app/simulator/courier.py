"""Delivers callbacks: each once, without hope of an answer, as Safaricom does."""

from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from app.simulator.journal import Journal
from app.simulator.payments import Payment

HANDS = 32
TIMEOUT = 5
SHOWN = 24


class Courier:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="simulator-callback")
        self._session = session()
        self._counting = Lock()

    def deliver(self, payment: Payment, bodies: tuple[bytes, ...], *, together: bool) -> None:
        rounds = [(body,) for body in bodies] if together else [bodies]
        for some in rounds:
            self._hands.submit(self._post_each, payment, some)

    def stop(self) -> None:
        self._hands.shutdown(wait=True, cancel_futures=True)
        self._session.close()

    def _post_each(self, payment: Payment, bodies: tuple[bytes, ...]) -> None:
        for body in bodies:
            with self._counting:
                payment.callbacks_sent += 1
            status = self._post(payment.order.callback_url, body)
            payment.callback_statuses.append(status)
            self._journal.note(f"{status}", f"callback to {shown(payment.order.callback_url)}")
        payment.delivered.set()

    def _post(self, url: str, body: bytes) -> int | str:
        try:
            response = self._session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return type(error).__name__
        return response.status_code


def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False  # no proxy stands between Safaricom and the shop
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=HANDS, pool_maxsize=HANDS)
    for scheme in ("http://", "https://"):
        made.mount(scheme, adapter)
    return made


def shown(url: str) -> str:
    path = urlsplit(url).path
    return path if len(path) <= SHOWN else path[:SHOWN] + "…"
