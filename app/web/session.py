"""Of a poll and of a hook the session's cookie is read only when somebody looks into it: few do.

It costs as much as all else that Flask does for a request. Everywhere else the session is Flask's own.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, current_app, g, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode
from itsdangerous.url_safe import URLSafeSerializerMixin

Read = Callable[[], dict[str, Any]]
FIELD = "csrf_token"
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
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Flask makes one for each reading and each writing."""
        if "malipo.cookies" not in app.extensions:
            app.extensions["malipo.cookies"] = super().get_signing_serializer(app)
        found: URLSafeTimedSerializer | None = app.extensions["malipo.cookies"]
        return found

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if HARDLY_READ.match(request.path):
            return Unread(lambda: self._kept(app, request))
        return super().open_session(app, request)

    def _kept(self, app: Flask, request: Request) -> dict[str, Any]:
        return dict(super().open_session(app, request) or {})


def csrf_token() -> str:
    """As flask_wtf.csrf.generate_csrf, for forms: that makes a signer anew for each page."""
    if FIELD not in g:
        kept = session.setdefault(FIELD, secrets.token_hex(20))
        g.setdefault(FIELD, _csrf_signer().dumps(kept))
    return str(g.get(FIELD))


def _csrf_signer() -> URLSafeTimedSerializer:
    known = current_app.extensions
    if "malipo.csrf" not in known:
        keys = current_app.config.get("WTF_CSRF_SECRET_KEY") or current_app.secret_key or ""
        known["malipo.csrf"] = Short(keys, salt="wtf-csrf-token")
    found: URLSafeTimedSerializer = known["malipo.csrf"]
    return found


class Short(URLSafeTimedSerializer):
    """To try whether a token is shorter when compressed takes longer than to sign it."""

    def dump_payload(self, obj: Any, *args: Any, **options: Any) -> bytes:
        return base64_encode(super(URLSafeSerializerMixin, self).dump_payload(obj))


def init_app(app: Flask) -> None:
    app.session_interface = Sessions()
    app.jinja_env.globals["csrf_token"] = csrf_token
