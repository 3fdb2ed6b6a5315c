"""The running application's settings, for rooms that never see Flask."""

from flask import current_app

from config import Settings


def settings() -> Settings:
    found: Settings = current_app.extensions["malipo.settings"]
    return found
