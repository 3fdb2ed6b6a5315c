"""A JSON message to an address of the operator's, signed, so that the other side can tell it is ours."""

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app import clock
from app.telling.errors import Undelivered

SECONDS = 10.0
SIGNATURE = "Malipo-Signature"


@dataclass(frozen=True)
class Webhook:
    url: str = field(repr=False)  # whoever knows it may write there
    secret: bytes = field(repr=False)


def send(hook: Webhook, facts: Mapping[str, object]) -> None:
    """Raises Undelivered for everything but a 2xx. A redirect is not followed: it is one."""
    body = json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Malipo",
        SIGNATURE: signature(hook.secret, int(clock.now().timestamp()), body),
    }
    try:
        status = _posted(hook.url, body, headers)
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(type(error).__name__) from error
    if status not in range(200, 300):
        raise Undelivered(f"HTTP {status}")


def signature(secret: bytes, at: int, body: bytes) -> str:
    """HMAC-SHA-256 over the time, a dot and the body: an old message cannot be sent again as a new one."""
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body=body, headers=dict(headers))
        return connection.getresponse().status  # the body says nothing to us, and is not read
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=SECONDS)
