"""Headers on every answer, and a request id in every log line."""

import secrets
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256

import structlog
from flask import Flask, g, request
from markupsafe import Markup
from werkzeug import Response

from app.settings import settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {framers}; "
    "object-src 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "Malipo",  # and not what it runs on
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
UNLESS_SAID = {"Cache-Control": "no-store"}
HSTS = "max-age=31536000; includeSubDomains"


def init_app(app: Flask) -> None:
    app.before_request(name_the_request)
    app.after_request(add_headers)
    app.teardown_request(lambda _: structlog.contextvars.clear_contextvars())


def name_the_request() -> None:
    g.request_id = secrets.token_hex(6)
    structlog.contextvars.clear_contextvars()
    token = (request.view_args or {}).get("token", "")
    known = {"payment": token[:8]} if token and request.blueprint == "payment" else {}
    structlog.contextvars.bind_contextvars(request=g.request_id, **known)


def add_headers(response: Response) -> Response:
    headers = response.headers
    there = {name.lower() for name, _ in headers}
    for name, value in _ours(policy(), settings().https):
        if name.lower() not in there:
            headers.add(name, value)
    headers.add("X-Request-Id", g.get("request_id", ""))
    return response


@lru_cache
def _ours(its_policy: str, https: bool) -> tuple[tuple[str, str], ...]:  # noqa: FBT001 - a key of the cache
    ours = HEADERS | UNLESS_SAID | {"Content-Security-Policy": its_policy}
    return tuple((ours | {"Strict-Transport-Security": HSTS} if https else ours).items())


def policy() -> str:
    """Of this answer: it names the styles that are in its page, by their hashes."""
    return _policy(tuple(g.get("styles", ())), framers(), bool(g.get("frames")))


@lru_cache(maxsize=256)
def _policy(styles: tuple[str, ...], framers: str, frames: bool) -> str:  # noqa: FBT001 - as above
    named = "".join(f" 'sha256-{digest}'" for digest in styles)
    return POLICY.format(styles=named, framers=framers) + ("; frame-src 'self'" if frames else "")


def show_in_frame() -> None:
    """This answer may be framed by a page of ours, and by nobody else."""
    g.framed = True


def allow_frames() -> None:
    """This answer may hold frames with pages of ours."""
    g.frames = True


def framers() -> str:
    """The pretend Safaricom shows the shop beside its phone; else nobody may."""
    if g.get("framed"):
        return "'self'"
    simulated = settings().mpesa_environment == "simulator"
    return settings().mpesa_base_url if simulated else "'none'"


def inline_style(css: str) -> Markup:
    """`css`, which is ours, in the page itself; nothing for none."""
    if not css:
        return Markup()
    if "<" in css:  # it could end the element
        raise ValueError(f"not a stylesheet: {css[:80]}")
    digest = b64encode(sha256(css.encode()).digest()).decode()
    g.setdefault("styles", []).append(digest)
    return Markup(f"<style>{css}</style>")  # noqa: S704
