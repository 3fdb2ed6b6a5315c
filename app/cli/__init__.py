"""Commands for operators and processes (design.md §7)."""

from flask import Flask

from app.cli import (
    books,
    callbacks,
    demo,
    export,
    face,
    figures,
    opt_out,
    people,
    processes,
    retention,
    rotate,
    setup,
)

ROOMS = (
    *(setup, face, processes, books, callbacks, export, figures),
    *(opt_out, people, retention, rotate, demo),
)


def init_app(app: Flask) -> None:
    for room in ROOMS:
        for command in room.COMMANDS:
            app.cli.add_command(command)
