"""What is settled about a request before any view: whence it came, and that it is meant for us."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, abort, request

from app.logs import log
from app.settings import settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Probes come by address, and Safaricom's messages carry a token: neither depends on a name.
ANY_HOST = ("/healthz", "/readyz", "/metrics", "/hooks/")
THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")


class Proxies:
    """Makes REMOTE_ADDR the address that our own proxies vouch for, and the scheme the one we hand out.

    Of X-Forwarded-For only the entry that the outermost of `hops` proxies of ours wrote counts; what
    stands left of it anybody may have written. No other forwarded header is read. Werkzeug's ProxyFix
    honours quotes in that header, so that a stranger's `"` swallows the entry of the proxy.
    """

    def __init__(self, app: "WSGIApplication", hops: int, scheme: str) -> None:
        self.app, self.hops, self.scheme = app, hops, scheme

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        environ["wsgi.url_scheme"] = self.scheme
        entries = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        vouched = entries[-self.hops] if 0 < self.hops <= len(entries) else ""
        environ["REMOTE_ADDR"] = plain(vouched) or plain(environ.get("REMOTE_ADDR", "")) or ""
        return self.app(environ, start_response)


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
    hops, scheme = settings_of(app)
    app.wsgi_app = Proxies(app.wsgi_app, hops, scheme)  # type: ignore[method-assign]
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # nobody needs to be told what else there is
    app.before_request(check_host)


def settings_of(app: Flask) -> tuple[int, str]:
    with app.app_context():
        base = urlsplit(settings().public_base_url)
        return settings().trusted_proxy_hops, base.scheme


def check_host() -> None:
    """A name that is not ours in the Host header is somebody's trick, or a proxy's mistake: 400."""
    if request.path.startswith(ANY_HOST) or _without_port(request.host) in _our_names():
        return
    log().warning("refused host", host=request.host[:100])
    abort(400)


def _our_names() -> tuple[str, ...]:
    ours = _without_port(urlsplit(settings().public_base_url).netloc)
    simulated = settings().mpesa_environment == "simulator"
    return (ours, *THIS_MACHINE) if simulated else (ours,)


def _without_port(netloc: str) -> str:
    """`[::1]:8000` -> `[::1]`; the port may be the proxy's or ours."""
    head, colon, port = netloc.rpartition(":")
    return (head if colon and port.isdecimal() else netloc).lower()
