"""English now; Kiswahili is a catalogue away (issue 4). Times on pages are Nairobi's."""

from flask import Flask

from app.extensions import babel


def init_app(app: Flask) -> None:
    babel.init_app(
        app,
        default_locale="en",
        default_timezone="Africa/Nairobi",
        default_translation_directories="translations",
        locale_selector=lambda: "en",
    )
