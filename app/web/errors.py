"""What went wrong, in the customer's words, with a number to quote. No stack, no detail."""

import secrets

from flask import Flask, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError

from app.extensions import db
from app.logs import log
from app.web import linking

Answer = tuple[str, int]
# Gone, failing over, or so busy that no connection was free in time.
NO_DATABASE = (OperationalError, InterfaceError, InternalError, NoConnection)

TEXTS = {
    400: (_l("We did not understand that"), _l("Please go back, reload the page and try again.")),
    404: (_l("This page does not exist"), _l("The link may be old or mistyped.")),
    410: (
        _l("This plan is not sold any more"),
        _l(
            "If you have paid for it before, your time is not affected. Please choose another plan."
        ),
    ),
    405: (_l("That does not work here"), _l("Please start again from the plans.")),
    429: (_l("Too many tries"), _l("Please wait a few minutes, then try again.")),
    413: (_l("That was too large"), _l("Please send less.")),
    500: (
        _l("Something went wrong on our side"),
        _l(
            "If you have entered your PIN, your payment still goes ahead. Please look again shortly."
        ),
    ),
    503: (
        _l("We are back in a moment"),
        _l(
            "If you have entered your PIN, your payment still goes ahead. Please look again shortly."
        ),
    ),
}
LOST_PAYMENT = (
    _l("We do not know this payment link"),
    _l(
        "Please check that you have the whole link. If you have an M-PESA SMS with a code, "
        "you have paid: do not pay again."
    ),
)


class BadLink(BadRequest):
    """A pay link that cannot be right; a merchant made it, so the customer asks them."""

    text = _l("The reference in this link is not right. Please ask for a new link.")


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(CSRFError, csrf_error)
    for trouble in NO_DATABASE:
        app.register_error_handler(trouble, no_database)
    app.register_error_handler(InternalServerError, our_fault)


def http_error(error: HTTPException) -> Answer:
    status = error.code or 500
    if status == 404 and request.blueprint == "payment":  # noqa: PLR2004
        return page(status, words=LOST_PAYMENT)
    return page(status, text=getattr(error, "text", None))


def csrf_error(_error: CSRFError) -> Answer:
    """The form is older than the session, or another site's: nothing was done with it."""
    log().warning("refused form", endpoint=request.endpoint)
    text = _("The page was open for too long. Nothing was sent; please reload it and try again.")
    return page(400, text=text)


def no_database(error: SQLAlchemyError) -> Answer:
    db.session.rollback()
    log().error("no database", error=type(error).__name__)
    return page(503)


def our_fault(error: InternalServerError) -> Answer:
    db.session.rollback()
    reference = secrets.token_hex(4).upper()
    log().error("unhandled error", reference=reference, exc_info=error.original_exception)
    return page(500, reference=reference)


def page(
    status: int,
    *,
    text: str | None = None,
    reference: str | None = None,
    words: tuple[str, str] | None = None,
) -> Answer:
    usual_words = TEXTS.get(status, TEXTS[400 if status < 500 else 500])  # noqa: PLR2004
    title, usual = words or usual_words
    reference = reference or g.get("request_id")
    home = url_for("plans.index")
    body = linking.render(
        "shared/error.html", title=title, text=text or usual, reference=reference, home_url=home
    )
    return body, status
