"""Our stylesheets and scripts: minified and compressed when the app starts, kept for ever by browsers.

There is no build step and nothing to deploy beside the code: a page asks for a file under a name
with a hash of its content, so an edit is a new name, and nobody holds on to an old one.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import rcssmin
import rjsmin
from flask import Blueprint, Flask, abort, request, url_for
from markupsafe import Markup
from werkzeug import Response

from app.web import compression, security

blueprint = Blueprint("assets", __name__)
STATIC = Path(__file__).parents[1] / "static"
# What is not of these kinds is no business of browsers.
KINDS: dict[str, tuple[str, Callable[[str], str]]] = {
    ".css": ("text/css; charset=utf-8", rcssmin.cssmin),
    ".js": ("text/javascript; charset=utf-8", rjsmin.jsmin),
}
HASHED = re.compile(r"(?P<stem>[a-z0-9.-]+)\.[0-9a-f]{10}(?P<suffix>\.[a-z]+)")
FOR_EVER = "public, max-age=31536000, immutable"
# While two versions run, a page of one asks a server of the other: today's file serves it better
# than a 404, for this once.
THIS_ONCE = "no-cache"


@dataclass(frozen=True)
class Asset:
    name: str  # pay.0123456789.css
    content_type: str
    text: str
    plain: bytes
    packed: bytes


def init_app(app: Flask) -> None:
    files()  # a file that cannot be read stops the start, not a customer
    app.register_blueprint(blueprint)
    for helper in (asset, inline_asset, security.inline_style):
        app.jinja_env.globals[helper.__name__] = helper


@cache
def files() -> dict[str, Asset]:
    return {path.name: _read(path) for path in STATIC.iterdir() if path.suffix in KINDS}


def _read(path: Path) -> Asset:
    content_type, minified = KINDS[path.suffix]
    text = minified(path.read_text(encoding="utf-8"))
    plain = text.encode()
    name = f"{path.stem}.{sha256(plain).hexdigest()[:10]}{path.suffix}"
    return Asset(name, content_type, text, plain, gzip.compress(plain, 9, mtime=0))


def asset(name: str) -> str:
    """`asset("pay.css")`: where a page finds it."""
    return url_for("assets.file", name=files()[name].name)


def inline_asset(name: str) -> Markup:
    """A stylesheet in the page itself: on a first visit over GPRS, seconds before a file would come."""
    return security.inline_style(files()[name].text)


@blueprint.get("/static/<name>")
def file(name: str) -> Response:
    known = HASHED.fullmatch(name) or abort(404)
    found = files().get(known["stem"] + known["suffix"]) or abort(404)
    response = Response(found.plain, content_type=found.content_type)
    if compression.wanted():
        response.set_data(found.packed)
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = FOR_EVER if name == found.name else THIS_ONCE
    response.vary.add("Accept-Encoding")
    response.set_etag(found.name, weak=True)  # weak: packed or not, it is the same file
    return response.make_conditional(request)
