"""What is answered before Flask sees the request: polls that find nothing new, and plain messages.

To find the view, make the request's context and sign what it did costs more than the work itself. An
`Ahead` answers in the view's words, with the view's headers. Whatever is odd in any way goes on to the
view, as if nobody had looked. Only what the database said is passed on: it is not asked a second time.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from flask import Flask, Request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import Response

from app.settings import settings
from app.web import compression, security
from config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

T = TypeVar("T")
NO_DATABASE = "malipo.ahead.error"  # in the environment: what the database said
REQUEST_ID = "X-Request-Id"


class Ahead(Generic[T]):
    def __init__(
        self,
        app: Flask,
        find: "Callable[[WSGIEnvironment], T | None]",
        act: "Callable[[T, WSGIEnvironment], bool]",
        answer: Callable[[], Response],
    ) -> None:
        """`find` takes apart what is asked, None: it is the view's; `act` does it, in the application's
        context, and says whether `answer`, which is always the same, is the right one."""
        self._app, self._flask = app, app.wsgi_app
        self._find, self._act, self._answer = find, act, answer
        self._settings: Settings | None = None
        self._told: tuple[str, list[tuple[str, str]], bytes] = "", [], b""

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        found = self._find(environ)
        if found is not None:
            with self._app.app_context():
                if self._done(found, environ):
                    return self._answered(environ, start_response)
        return self._flask(environ, start_response)

    def _done(self, found: T, environ: "WSGIEnvironment") -> bool:
        try:
            return self._act(found, environ)
        except SQLAlchemyError as error:
            environ[NO_DATABASE] = error
            return False

    def _answered(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if self._settings is not settings():  # they are the same for as long as the process runs
            self._told = self._made(environ)
            self._settings = settings()
        status, headers, body = self._told
        start_response(status, [*headers, (REQUEST_ID, secrets.token_hex(6))])
        return (body,)

    def _made(self, environ: "WSGIEnvironment") -> tuple[str, list[tuple[str, str]], bytes]:
        response = security.add_headers(compression.compress(self._answer()))
        del response.headers[REQUEST_ID]
        headers = response.get_wsgi_headers(environ).to_wsgi_list()
        return response.status, headers, response.get_data()


def reraise(request: Request) -> None:
    """In the view: what the database said to an `Ahead`."""
    if error := request.environ.get(NO_DATABASE):
        raise error
