"""Who is at the other end: which payments this browser started, and from which address."""

from flask import request, session

MINE = "mine"
REMEMBERED = 10  # payments; a cookie is small


def owns(token: str) -> bool:
    return token in session.get(MINE, [])


def remember(token: str) -> None:
    if not owns(token):
        session[MINE] = [token, *session.get(MINE, [])][:REMEMBERED]


def newest() -> list[str]:
    found: list[str] = session.get(MINE, [])
    return found


def address() -> str | None:
    """The peer's, or the one that our own proxies vouch for (TRUSTED_PROXY_HOPS)."""
    return request.remote_addr


def wants_fragment() -> bool:
    return "HX-Request" in request.headers


def wants_json() -> bool:
    """Most do not name it: then the header need not be taken apart."""
    asked = request.headers.get("Accept", "")
    return "json" in asked and request.accept_mimetypes.best == "application/json"
