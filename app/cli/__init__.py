"""Commands for operators and processes (design.md §7)."""

from flask import Flask

from app.cli import books, callbacks, demo, export, face, figures, opt_out, processes, rotate, setup


def init_app(app: Flask) -> None:
    for room in (setup, face, processes, books, callbacks, export, figures, opt_out, rotate, demo):
        for command in room.COMMANDS:
            app.cli.add_command(command)
