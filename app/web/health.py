"""Is the process there; is the database there and at our migration."""

from functools import cache

from alembic.script import ScriptDirectory
from flask import Blueprint, current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Redis is not asked: without it everything still works, only later."""
    try:
        found = set(db.session.scalars(text("select version_num from alembic_version")))
    except SQLAlchemyError:
        db.session.rollback()
        return {"status": "no database"}, 503
    if found != {newest_migration()}:
        return {"status": "migrations are missing: flask db upgrade"}, 503
    return {"status": "ready"}, 200


@cache
def newest_migration() -> str | None:
    directory = current_app.extensions["migrate"].directory
    return ScriptDirectory(directory).get_current_head()
