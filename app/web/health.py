"""Is the process there; is the database there, and not behind this code."""

import re

from flask import Blueprint, request
from sqlalchemy.exc import SQLAlchemyError

from app import checkup
from app.checkup import migrations
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
    """Redis is not asked: without it everything still works, only later.

    Ready too where a newer version has migrated already: while that is rolled out, both serve (ADR 19).
    """
    try:
        level = migrations.level()
    except SQLAlchemyError:
        db.session.rollback()
        return {"status": "no database"}, 503
    if not level.serves:
        return {"status": "migrations are missing: flask db upgrade"}, 503
    return {"status": "ready"}, 200
