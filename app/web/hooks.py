"""Safaricom's door: keep the message, commit, answer, ring. It decides nothing."""

from flask import Blueprint, abort, request

from app.extensions import csrf, db
from app.jobs import bell
from app.payments import inbox
from app.web import visitor

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks/v1")
csrf.exempt(blueprint)
MOST_BYTES = 64 * 1024
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}


@blueprint.post("/d/<token>")
def stk(token: str) -> dict[str, object]:
    """200 only after the raw body is committed (M10). A wrong token answers 404."""
    request.max_content_length = MOST_BYTES
    body = request.get_data(cache=False)
    callback_id = inbox.receive(token, body, visitor.address())
    if callback_id is None:
        inbox.receive_stray(body, visitor.address())
        db.session.commit()
        abort(404)
    db.session.commit()
    bell.ring(bell.SETTLE)
    return ACCEPTED
