"""Commands for operators and processes (design.md §7), each imported when it is wanted.

Every command would else pay for all of them: two thirds of its start. Which there are: menu.py.
"""

from importlib import import_module
from typing import Any

import click
from flask import Flask

import menu


class Later(click.Command):
    """A command's name and first line; the command itself is in one of our modules."""

    def __init__(self, name: str, module: str, first_line: str) -> None:
        super().__init__(name, help=first_line, short_help=first_line)
        self._module = module

    def real(self) -> click.Command:
        import_module("app.tables")  # rows refer to rows of rooms that the command does not import
        commands = import_module(self._module).COMMANDS
        found: click.Command = next(c for c in commands if c.name == self.name)
        return found

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        return self.real().make_context(*args, **more)


def commands() -> list[Later]:
    return [
        Later(name, module, first_line)
        for module, lines in menu.ours().items()
        for name, first_line in lines.items()
    ]


def init_app(app: Flask) -> None:
    for command in commands():
        app.cli.add_command(command)
