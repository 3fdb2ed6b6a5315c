"""What is settled about a request before any view: whence it came, and that it is meant for us."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, abort, request

from app.logs import log
from config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LONGEST_PORT = 5  # digits
# Probes come by address, and Safaricom's messages carry a token: neither depends on a name.
ANY_HOST = ("/healthz", "/readyz", "/metrics", "/hooks/")
THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")
FOREIGN = "malipo.foreign_host"


class Front:
    """Whence a request came, and to which name: as far as somebody of ours vouches for it.

    Of X-Forwarded-For only the entry that the outermost of `hops` proxies of ours wrote counts; what
    stands left of it anybody may have written. No other forwarded header is read: scheme and name are
    PUBLIC_BASE_URL's, so that no address that we hand out, and no route, depends on what a stranger
    sends. (Werkzeug's ProxyFix honours quotes in X-Forwarded-For: a stranger's `"` swallows the entry
    of the proxy. And a Host that is no name leaves Flask without a way to make any URL.)
    """

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self.app, self.hops = app, settings.trusted_proxy_hops
        base = urlsplit(settings.public_base_url)
        self.scheme, self.netloc = base.scheme, base.netloc
        simulated = settings.mpesa_environment == "simulator"
        self.names = {_without_port(base.netloc), *(THIS_MACHINE if simulated else ())}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        environ["wsgi.url_scheme"] = self.scheme
        environ["REMOTE_ADDR"] = self._address(environ)
        host = environ.get("HTTP_HOST", "")
        if _without_port(host) not in self.names:
            environ |= {FOREIGN: host, "HTTP_HOST": self.netloc}
        return self.app(environ, start_response)

    def _address(self, environ: "WSGIEnvironment") -> str:
        entries = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        vouched = entries[-self.hops] if 0 < self.hops <= len(entries) else ""
        return plain(vouched) or plain(environ.get("REMOTE_ADDR", "")) or ""


def _without_port(netloc: str) -> str:
    """`[::1]:8000` -> `[::1]`; the port may be the proxy's or ours."""
    head, colon, port = netloc.rpartition(":")
    is_port = bool(colon) and len(port) <= LONGEST_PORT and port.isascii() and port.isdecimal()
    return (head if is_port else netloc).lower()


@lru_cache(maxsize=1024)  # taken apart for each request, and each caller asks again
def plain(text: str) -> str | None:
    """An address as we compare and keep it; None for what is none."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.scope_id:  # of a link, in words of the sender's choice
            return None
        return str(found.ipv4_mapped or found)
    return str(found)


def init_app(app: Flask) -> None:
    app.wsgi_app = Front(app.wsgi_app, app.extensions["malipo.settings"])  # type: ignore[method-assign]
    app.before_request(check_host)
    app.before_request(check_path)


def check_host() -> None:
    """A name that is not ours in the Host header is somebody's trick, or a proxy's mistake: 400."""
    foreign = request.environ.get(FOREIGN)
    if foreign is not None and not request.path.startswith(ANY_HOST):
        log().warning("refused host", host=foreign[:100])
        abort(400)


def check_path() -> None:
    """No address of ours has a NUL in it, and PostgreSQL takes none in a text."""
    if "\0" in request.path:
        abort(404)
