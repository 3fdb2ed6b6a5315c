"""Nearly always a poll finds what the page shows already: known from a few columns, and 204."""

import re
from typing import TYPE_CHECKING, NamedTuple

from werkzeug import Response
from werkzeug.http import parse_cookie

from app import clock
from app.web import doors, language, phases, standing

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ASKED = re.compile("/pay/([0-9A-Za-z_-]{1,64})/status", re.ASCII)
SAID = re.compile("v=([0-9a-f]{1,64})(?:&lang=([a-z]{2}))?", re.ASCII)
CHANGED = "malipo.unchanged.changed"  # in the environment: the view need not look


class Poll(NamedTuple):
    token: str
    seen: str  # the version that the page shows
    language: str


def find(environ: "WSGIEnvironment") -> Poll | None:
    """As the page itself asks. None: ask Flask, whose view knows all that may be asked here."""
    asked = ASKED.fullmatch(environ.get("PATH_INFO", ""))
    if not asked or environ["REQUEST_METHOD"] != "GET" or doors.FOREIGN in environ:
        return None
    said = SAID.fullmatch(environ.get("QUERY_STRING", ""))
    if not said or "json" in environ.get("HTTP_ACCEPT", ""):
        return None
    code = said[2] or _kept(environ)
    return Poll(asked[1], said[1], code) if code in language.NAMES else None


def _kept(environ: "WSGIEnvironment") -> str:
    cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
    return cookies.get(language.HOST_ONLY + language.LANG) or cookies.get(language.LANG) or ""


def act(poll: Poll, environ: "WSGIEnvironment") -> bool:
    now = standing.of(poll.token)
    if now is None:
        return False
    same = phases.of(now, clock.now(), poll.language).version == poll.seen
    environ[CHANGED] = not same
    return same


def answer() -> Response:
    return Response(status=204)
