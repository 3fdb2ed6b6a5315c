"""Commands for operators and processes (design.md §7)."""

from importlib.util import find_spec

from flask import Flask

from app.cli import (
    backup,
    books,
    callbacks,
    doctor,
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

ROOMS = [
    *(setup, face, processes, books, callbacks, export, figures),
    *(opt_out, people, retention, rotate, doctor, backup),
]
if find_spec("app.simulator"):  # left out of the image: it has no place beside real money
    from app.cli import demo, simulator

    ROOMS += [demo, simulator]


def init_app(app: Flask) -> None:
    for room in ROOMS:
        for command in room.COMMANDS:
            app.cli.add_command(command)
