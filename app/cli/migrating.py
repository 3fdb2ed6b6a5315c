"""Flask-Migrate's `flask db`, for that command alone: Alembic is a twentieth of a start."""

from flask import Flask
from flask_migrate import Migrate

from app.checkup.migrations import MIGRATIONS
from app.extensions import db

migrate = Migrate(compare_type=True, compare_server_default=False)


def init_app(app: Flask) -> None:
    migrate.init_app(app, db, directory=str(MIGRATIONS))
