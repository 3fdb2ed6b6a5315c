"""The application factory: the one place where the rooms are wired together."""

import os
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from app import cli, logs, web
from app.checkup import bad_settings
from app.extensions import csrf, db, migrate
from app.jobs import work
from app.local.processes import CannotRun
from app.local.servers import ensure_environment
from config import Settings, read

INSTANCE = Path(__file__).parent.parent / "instance"
# Nobody waits for a lock, or keeps others waiting, for ever.
SESSION = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=300s"
POOL = {
    "pool_size": 5,
    "max_overflow": 10,
    "pool_pre_ping": True,
    "pool_timeout": 10,
    "hide_parameters": True,
    "connect_args": {"connect_timeout": 5, "options": SESSION},
}


def create_app(settings: Settings | None = None) -> Flask:
    """Raises config.BadSetting. Without settings they come from the environment."""
    settings = settings or read(ensure_environment(os.environ, INSTANCE))
    app = Flask(__name__, instance_path=str(INSTANCE), static_folder=None)  # see web/assets.py
    app.extensions["malipo.settings"] = settings
    app.config.update(_flask_config(settings))
    logs.configure(settings.log_level)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(INSTANCE.parent / "migrations"))
    csrf.init_app(app)
    work.init_app(app)
    web.init_app(app)
    cli.init_app(app)
    return app


def create_patient() -> Flask:
    """For `flask doctor`: starts whatever the settings are, and keeps what is wrong with them."""
    found = bad_settings.find(_as_it_is(os.environ))
    app = create_app(found.settings)
    app.extensions["malipo.bad_settings"] = found.bad
    return app


def _as_it_is(environment: Mapping[str, str]) -> Mapping[str, str]:
    """A laptop's own servers are all right, but not for real money."""
    if environment.get("MPESA_ENVIRONMENT", "").strip() == "production":
        return environment
    try:
        return ensure_environment(environment, INSTANCE)
    except CannotRun:
        return environment


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.secret_key_fallbacks),
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": POOL,
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
