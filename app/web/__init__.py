"""HTTP in, HTML out; decides nothing about money."""

from flask import Flask

from app.web import (
    admin,
    assets,
    checkout,
    compression,
    errors,
    health,
    hooks,
    language,
    links,
    mpesa_help,
    payment,
    plans,
    security,
    session,
    shown,
)

MOST_BYTES = 64 * 1024
MOST_PARTS = 20


def init_app(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["MAX_FORM_PARTS"] = MOST_PARTS
    for room in (plans, checkout, links, payment, mpesa_help, hooks, health, admin):
        app.register_blueprint(room.blueprint)
    session.init_app(app)
    admin.init_app(app)
    assets.init_app(app)
    compression.init_app(app)
    security.init_app(app)
    errors.init_app(app)
    language.init_app(app)
    shown.init_app(app)
