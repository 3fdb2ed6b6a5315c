"""HTTP in, HTML out; decides nothing about money."""

from flask import Flask

from app.web import (
    admin,
    assets,
    checkout,
    compression,
    doors,
    errors,
    extensions,
    health,
    hooks,
    language,
    links,
    metrics,
    mpesa_help,
    payment,
    plans,
    privacy,
    security,
    session,
    shown,
    waiting_room,
)

MOST_BYTES = 64 * 1024
MOST_PARTS = 20


def init_app(app: Flask) -> None:
    extensions.csrf.init_app(app)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["MAX_FORM_PARTS"] = MOST_PARTS
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # nobody is told what else a door would take
    for room in (
        plans,
        checkout,
        links,
        payment,
        mpesa_help,
        privacy,
        hooks,
        health,
        metrics,
        admin,
    ):
        app.register_blueprint(room.blueprint)
    session.init_app(app)
    admin.init_app(app)
    assets.init_app(app)
    compression.init_app(app)
    security.init_app(app)
    doors.init_app(app)
    app.wsgi_app = waiting_room.WaitingRoom(app.wsgi_app, MOST_BYTES)  # type: ignore[method-assign]
    errors.init_app(app)
    language.init_app(app)
    shown.init_app(app)
