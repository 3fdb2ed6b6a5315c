"""Safaricom's door: keep the message, commit, answer, ring. It decides nothing.

A plain message, which nearly all are, is kept before Flask sees the request (ahead.py). The view has all
others: another method or address, a body that is too long or did not come whole, a token that nobody has,
and what the database refused, which it spools (503).
"""

import re
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from flask import Blueprint, Flask, Response, abort, jsonify, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.jobs import bell, spool
from app.logs import log
from app.payments import doubts, inbox
from app.settings import settings
from app.web import visitor
from app.web.ahead import Ahead, reraise
from app.web.extensions import csrf

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks/v1")
csrf.exempt(blueprint)
TOKEN = re.compile("[0-9a-f]{32}")
LENGTH = re.compile("[0-9]{1,9}", re.ASCII)
MOST_BYTES = 64 * 1024
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}
PLAIN = re.compile("/hooks/v1/d/([0-9a-f]{32})")


@blueprint.post("/d/<token>")
def stk(token: str) -> dict[str, object]:
    """200 only after the raw body is committed (M10). A wrong token answers 404."""
    request.max_content_length = MOST_BYTES
    body = request.get_data(cache=False)
    try:
        reraise(request)
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


class Message(NamedTuple):
    token: str
    body: bytes
    address: str | None


def find(environ: "WSGIEnvironment") -> Message | None:
    found = PLAIN.fullmatch(environ.get("PATH_INFO", ""))
    if not found or environ["REQUEST_METHOD"] != "POST":
        return None
    body = _whole_body(environ)
    return None if body is None else Message(found[1], body, environ.get("REMOTE_ADDR") or None)


def act(message: Message, _environ: "WSGIEnvironment") -> bool:
    if not _may_come(message.address) or inbox.receive(*message) is None:
        return False
    bell.ring(bell.SETTLE)
    return True


def answer() -> Response:
    return jsonify(ACCEPTED)


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
        state.app.wsgi_app = Ahead(state.app, find, act, answer)  # type: ignore[method-assign]
