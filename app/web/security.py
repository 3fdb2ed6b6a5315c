"""Headers on every answer, and a request id in every log line."""

import secrets
from base64 import b64encode
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
    for name, value in (HEADERS | {"Content-Security-Policy": policy()}).items():
        response.headers.setdefault(name, value)
    if settings().https:
        response.headers["Strict-Transport-Security"] = HSTS
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response


def policy() -> str:
    """Of this answer: it names the styles that are in its page, by their hashes."""
    styles = "".join(f" 'sha256-{digest}'" for digest in g.get("styles", []))
    frames = "; frame-src 'self'" if g.get("frames") else ""
    return POLICY.format(styles=styles, framers=framers()) + frames


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
