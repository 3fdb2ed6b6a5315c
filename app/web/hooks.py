"""Safaricom's door: keep the message, commit, answer, ring. It decides nothing."""

import re

from flask import Blueprint, abort, request
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.jobs import bell, spool
from app.logs import log
from app.payments import doubts, inbox
from app.settings import settings
from app.web import visitor
from app.web.extensions import csrf

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks/v1")
csrf.exempt(blueprint)
TOKEN = re.compile("[0-9a-f]{32}")
MOST_BYTES = 64 * 1024
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}


@blueprint.post("/d/<token>")
def stk(token: str) -> dict[str, object]:
    """200 only after the raw body is committed (M10). A wrong token answers 404."""
    request.max_content_length = MOST_BYTES
    body = request.get_data(cache=False)
    try:
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
    if _may_come() and inbox.receive(token, body, visitor.address()) is not None:
        return True
    inbox.receive_stray(body, visitor.address())
    db.session.commit()
    return False


def _may_come() -> bool:
    """Addresses are a signal (payments/doubts.py); a wall only where CALLBACK_ADDRESSES_ONLY says so."""
    return not (settings().callback_addresses_only and doubts.is_foreign(visitor.address()))


def _spool(token: str, body: bytes) -> None:
    """No database: 503, so that whoever retries does, and the body on the disk, for who does not."""
    db.session.rollback()
    if TOKEN.fullmatch(token) and _may_come():
        spool.keep(token, body, visitor.address())
