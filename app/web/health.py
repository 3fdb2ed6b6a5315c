"""Is the process there; is the database there and at our migration."""

import re
from functools import cache

from alembic.script import ScriptDirectory
from flask import Blueprint, current_app, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import checkup
from app.extensions import db

blueprint = Blueprint("health", __name__)
NONCE = re.compile("[0-9a-f]{32}", re.ASCII)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """With a nonce it also proves that it is this installation that answers (checkup/live.py)."""
    nonce = request.args.get("nonce", "")
    proof = {"proof": checkup.proof(nonce)} if NONCE.fullmatch(nonce) else {}
    return {"status": "ok", **proof}


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
