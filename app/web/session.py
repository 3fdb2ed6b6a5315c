"""Of a poll and of a hook the session's cookie is read only when somebody looks into it: few do.

It costs as much as all else that Flask does for a request. Everywhere else the session is Flask's own.
"""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

Read = Callable[[], dict[str, Any]]
HARDLY_READ = re.compile("/hooks/|/pay/[^/]+/status")


class Unread(SecureCookieSession):
    """Flask sets `accessed` whenever anybody is given the session: that is the moment to read it."""

    def __init__(self, read: Read) -> None:
        super().__init__()
        self._read: Read | None = read

    @property
    def accessed(self) -> bool:
        return self._read is None

    @accessed.setter
    def accessed(self, _value: bool) -> None:
        if self._read is not None:
            read, self._read = self._read, None
            self.update(read())
            self.modified = False


class Sessions(SecureCookieSessionInterface):
    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if HARDLY_READ.match(request.path):
            return Unread(lambda: self._kept(app, request))
        return super().open_session(app, request)

    def _kept(self, app: Flask, request: Request) -> dict[str, Any]:
        return dict(super().open_session(app, request) or {})


def init_app(app: Flask) -> None:
    app.session_interface = Sessions()
