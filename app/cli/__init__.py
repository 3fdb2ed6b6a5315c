"""Commands for operators and processes (design.md §7), each imported when it is wanted.

`flask --help` and every command would else pay for all of them: two thirds of their start.
"""

from importlib import import_module
from typing import Any

import click
from flask import Flask


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


COMMANDS = (
    Later("merchant", "app.cli.face", "Who is paid."),
    Later("plan", "app.cli.face", "What is sold."),
    Later("staff", "app.cli.setup", "Who looks after payments."),
    Later("worker", "app.cli.processes", "Does the work that rings announce; any number may run."),
    Later(
        "scheduler",
        "app.cli.processes",
        "Sweeps every SWEEP_SECONDS; any number may run, one acts.",
    ),
    Later(
        "sweep", "app.cli.processes", "One pass of everything due: messages, prompts, questions."
    ),
    Later("simulator", "app.cli.processes", "A pretend Safaricom, with a phone on the screen."),
    Later(
        "check-books",
        "app.cli.books",
        "Proves the money rules from the rows; exits 1 with the ids of what is wrong.",
    ),
    Later(
        "verify-audit",
        "app.cli.books",
        "Recomputes each merchant's chain of events; exits 1 when one is broken.",
    ),
    Later(
        "suspense",
        "app.cli.books",
        "Lists money without an owner, oldest first, with its age in days.",
    ),
    Later(
        "callbacks",
        "app.cli.callbacks",
        "Lists what is parked or waits for another try, and replays it.",
    ),
    Later("export", "app.cli.export", "Writes JSON lines to standard output."),
    Later("figures", "app.cli.figures", "Counts every day of every merchant again."),
    Later(
        "rotate-keys",
        "app.cli.rotate",
        "Seals everything again under the first of ENCRYPTION_KEYS, while the application runs.",
    ),
    Later(
        "demo",
        "app.cli.demo",
        "Names the default merchant, adds plans, staff and history; does nothing a second time.",
    ),
)


def init_app(app: Flask) -> None:
    for command in COMMANDS:
        app.cli.add_command(command)
