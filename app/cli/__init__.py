"""Commands for operators and processes (design.md §7)."""

from flask import Flask

from app.cli import (
    books,
    callbacks,
    demo,
    export,
    face,
    figures,
    people,
    processes,
    retention,
    rotate,
    setup,
)


def init_app(app: Flask) -> None:
    for room in (
        setup,
        face,
        processes,
        books,
        callbacks,
        export,
        figures,
        rotate,
        people,
        retention,
        demo,
    ):
        for command in room.COMMANDS:
            app.cli.add_command(command)
