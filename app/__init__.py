"""The application factory: the one place where the rooms are wired together."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask

from app import cli, direct, logs
from app.extensions import db, find_dead_connections
from app.local.processes import CannotRun
from config import Settings, read

INSTANCE = Path(__file__).parent.parent / "instance"
# Nobody waits for a lock, or keeps others waiting, for ever.
SESSION = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=300s"
POOL = {
    "pool_size": 5,
    "max_overflow": 10,
    "pool_timeout": 10,
    "hide_parameters": True,
    "connect_args": {"connect_timeout": 5, "options": SESSION},
}

# As many as a web process lets work at once: web/waiting_room.py.
DIRECT = POOL | {"isolation_level": "AUTOCOMMIT", "pool_size": 4}


class Application(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """All of ours are plain functions; Flask would look at each of ten in every request."""
        return func


def create_app(
    settings: Settings | None = None, *, pages: bool = True, migrations: bool = False
) -> Flask:
    """Raises config.BadSetting. Without settings they come from the environment.

    Commands, worker and scheduler need no `pages`: half of the start, and of the memory. Who wants
    to change the tables says `migrations`.
    """
    settings = settings or read(_environment(os.environ))
    # Without a folder of Flask's own: see web/assets.py
    app = Application(__name__, instance_path=str(INSTANCE), static_folder=None)
    app.extensions["malipo.settings"] = settings
    app.config.update(_flask_config(settings))
    logs.configure(settings.log_level)
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            find_dead_connections(engine)
    cli.init_app(app)
    if pages:
        import_module("app.web").init_app(app)
    if migrations:
        import_module("app.cli.migrating").init_app(app)
    return app


def create_patient() -> Flask:
    """For `flask doctor`: starts whatever the settings are, and keeps what is wrong with them."""
    found = import_module("app.checkup.bad_settings").find(_as_it_is(os.environ))
    app = create_app(found.settings)
    app.extensions["malipo.bad_settings"] = found.bad
    return app


def _as_it_is(environment: Mapping[str, str]) -> Mapping[str, str]:
    """A laptop's own servers are all right, but not for real money."""
    if environment.get("MPESA_ENVIRONMENT", "").strip() == "production":
        return environment
    try:
        return _environment(environment)
    except CannotRun:
        return environment


def _environment(given: Mapping[str, str]) -> Mapping[str, str]:
    """Where servers are named, nothing is imported that could start our own."""
    if all(given.get(name, "").strip() for name in ("DATABASE_URL", "REDIS_URL")):
        return given
    found: dict[str, str] = import_module("app.local.servers").ensure_environment(given, INSTANCE)
    return found


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.secret_key_fallbacks),
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": POOL,
        "SQLALCHEMY_BINDS": {direct.ENGINE: {"url": settings.database_url, **DIRECT}},
        "SESSION_COOKIE_NAME": "__Host-malipo" if settings.https else "malipo",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        # Of its own accord Flask-WTF knows no former keys; the last of these signs, all are accepted.
        "WTF_CSRF_SECRET_KEY": [*reversed(settings.secret_key_fallbacks), settings.secret_key],
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a form may wait on a slow network
        "TEMPLATES_AUTO_RELOAD": False,
    }
