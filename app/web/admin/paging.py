"""Which page of a list was asked for, and links to those beside it."""

from urllib.parse import urlencode

from flask import request

from app.desk import cursor
from app.desk.cursor import Cursor
from app.errors import Refused

BEFORE, AFTER = "before", "after"  # older than; newer than


def asked() -> Cursor | None:
    """None: the newest, also for a link that is not whole."""
    try:
        for name in (BEFORE, AFTER):
            if typed := request.args.get(name):
                return cursor.read(typed, newer=name == AFTER)
    except Refused:
        return None
    return None


def url(beside: Cursor | None) -> str | None:
    """The same list with the same filters, at another page."""
    if beside is None:
        return None
    place = {AFTER if beside.newer else BEFORE: str(beside)}
    return f"{request.path}?{urlencode(_filters() | place)}"


def with_filters(**changes: str) -> str:
    """The same list with other filters, at its newest page. An empty one is left out."""
    chosen = {key: kept for key, kept in (_filters() | changes).items() if kept}
    return f"{request.path}?{urlencode(chosen)}" if chosen else request.path


def _filters() -> dict[str, str]:
    return {name: value for name, value in request.args.items() if name not in (BEFORE, AFTER)}
