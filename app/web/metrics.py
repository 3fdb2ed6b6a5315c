"""`/metrics` for Prometheus. The database's word: the same whichever process of the installation answers."""

from importlib import import_module
from ipaddress import ip_address
from threading import Lock
from time import monotonic
from types import ModuleType

from flask import Blueprint, Response, abort, request

from app.settings import settings
from app.web import visitor

blueprint = Blueprint("metrics", __name__)
FRESH = 5.0  # seconds: so often the rows are looked at, however many ask
TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A proxy of ours, that we have not been told of, would make everybody this machine.
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@blueprint.get("/metrics")
def metrics() -> Response:
    if not _may_read():
        abort(404)
    return Response(_kept.page(), content_type=TYPE)


def _may_read() -> bool:
    hidden = not settings().trusted_proxy_hops and any(
        name in request.headers for name in FORWARDED
    )
    try:
        seen = ip_address(visitor.address() or "")
    except ValueError:
        return False
    seen = getattr(seen, "ipv4_mapped", None) or seen
    return not hidden and any(seen in network for network in settings().metrics_addresses)


class Kept:
    """One look at the rows serves all who ask within some seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made_at = float("-inf")
        self._page = b""

    def page(self) -> bytes:
        with self._lock:
            if monotonic() - self._made_at >= FRESH:
                self._page, self._made_at = _exposition().page(), monotonic()
            return self._page

    def forget(self) -> None:
        self._made_at = float("-inf")


_kept = Kept()
forget = _kept.forget


def _exposition() -> ModuleType:
    """Prometheus's client is imported for whoever asks first: it is Prometheus, and no start waits."""
    return import_module("app.web.exposition")
