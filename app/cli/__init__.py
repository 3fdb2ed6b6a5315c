"""Commands for operators and processes (design.md §7)."""

from flask import Flask

from app.cli import books, callbacks, demo, export, processes, setup


def init_app(app: Flask) -> None:
    for room in (setup, processes, books, callbacks, export, demo):
        for command in room.COMMANDS:
            app.cli.add_command(command)
