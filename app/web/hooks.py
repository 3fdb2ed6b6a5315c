"""Safaricom's door: keep the message, commit, answer, ring. It decides nothing.

A plain message, which nearly all are, is kept before Flask sees the request (`Door`): finding the view,
the request's context and its headers cost more than the message. It answers in the view's words, with
the view's headers. Whatever is odd in any way goes on to the view, as if nobody had looked: another
method or address, a body that is too long or did not come whole, a token that nobody has. Only what the
database said is passed on: it is not asked a second time, and the message is spooled (503).
"""

import re
import secrets
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, abort, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.jobs import bell, spool
from app.logs import log
from app.payments import doubts, inbox
from app.settings import settings
from app.web import security, visitor
from app.web.extensions import csrf
from config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks/v1")
csrf.exempt(blueprint)
TOKEN = re.compile("[0-9a-f]{32}")
LENGTH = re.compile("[0-9]{1,9}", re.ASCII)
MOST_BYTES = 64 * 1024
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}
PLAIN = re.compile("/hooks/v1/d/([0-9a-f]{32})")
NO_DATABASE = "malipo.hooks.error"  # in the environment: what the database said to the Door
REQUEST_ID = "X-Request-Id"


@blueprint.post("/d/<token>")
def stk(token: str) -> dict[str, object]:
    """200 only after the raw body is committed (M10). A wrong token answers 404."""
    request.max_content_length = MOST_BYTES
    body = request.get_data(cache=False)
    try:
        if error := request.environ.get(NO_DATABASE):
            raise error
        kept = _keep(token, body)
    except SQLAlchemyError:
        _spool(token, body)
        raise
    if not kept:
        log().warning("callback refused")  # by its token, or by where it came from
        abort(404)
    bell.ring(bell.SETTLE)
    return ACCEPTED


def _keep(token: str, body: bytes) -> bool:
    address = visitor.address()
    if _may_come(address) and inbox.receive(token, body, address) is not None:
        return True
    inbox.receive_stray(body, address)
    db.session.commit()
    return False


def _may_come(address: str | None) -> bool:
    """Addresses are a signal (payments/doubts.py); a wall only where CALLBACK_ADDRESSES_ONLY says so."""
    return not (settings().callback_addresses_only and doubts.is_foreign(address))


def _spool(token: str, body: bytes) -> None:
    """No database: 503, so that whoever retries does, and the body on the disk, for who does not."""
    db.session.rollback()
    if TOKEN.fullmatch(token) and _may_come(visitor.address()):
        spool.keep(token, body, visitor.address())


class Door:
    def __init__(self, app: Flask) -> None:
        self._app, self._flask = app, app.wsgi_app
        self._settings: Settings | None = None
        self._headers: list[tuple[str, str]] = []
        self._body = b""

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and (
            found := PLAIN.fullmatch(environ.get("PATH_INFO", ""))
        ):
            body = _whole_body(environ)
            if body is not None:
                with self._app.app_context():
                    if self._keep(found[1], body, environ):
                        return self._accepted(environ, start_response)
        return self._flask(environ, start_response)

    def _keep(self, token: str, body: bytes, environ: "WSGIEnvironment") -> bool:
        address = environ.get("REMOTE_ADDR") or None
        if not _may_come(address):
            return False
        try:
            if inbox.receive(token, body, address) is None:
                return False
        except SQLAlchemyError as error:
            environ[NO_DATABASE] = error
            return False
        bell.ring(bell.SETTLE)
        return True

    def _accepted(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if self._settings is not settings():  # they are the same for as long as the process runs
            told = self._app.json.dumps(ACCEPTED, separators=(",", ":"))
            response = self._app.response_class(f"{told}\n", mimetype="application/json")
            security.add_headers(response)
            del response.headers[REQUEST_ID]
            self._body = response.get_data()
            self._headers = response.get_wsgi_headers(environ).to_wsgi_list()
            self._settings = settings()
        start_response("200 OK", [*self._headers, (REQUEST_ID, secrets.token_hex(6))])
        return (self._body,)


def _whole_body(environ: "WSGIEnvironment") -> bytes | None:
    """As the waiting room took it. None: it is not whole, too long, or nobody has taken it."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
    if not isinstance(stream, BytesIO) or not LENGTH.fullmatch(length):
        return None
    body = stream.getvalue()
    return body if len(body) == int(length) <= MOST_BYTES else None


@blueprint.record_once
def _before_flask(state: BlueprintSetupState) -> None:
    if isinstance(state.app, Flask):
        state.app.wsgi_app = Door(state.app)  # type: ignore[method-assign]
