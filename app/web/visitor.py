"""Who is at the other end: which payments this browser started, and from which address."""

from flask import request, session
from werkzeug.datastructures import MultiDict

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
    """The peer's, or the one that our own proxies vouch for (doors.py). None: a socket without one."""
    return request.remote_addr or None


def given() -> MultiDict[str, str]:
    """What was typed: a form's fields, or a page's query; never one beside the other (C46)."""
    return request.form if request.method == "POST" else request.args


def wants_fragment() -> bool:
    return "HX-Request" in request.headers


def wants_json() -> bool:
    """Most do not name it: then the header need not be taken apart."""
    asked = request.headers.get("Accept", "")
    return "json" in asked and request.accept_mimetypes.best == "application/json"
