"""Commands for operators and processes (design.md §7), each imported when it is wanted.

`flask --help` and every command would else pay for all of them: two thirds of their start.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
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


FIRST_LINES: Mapping[str, Mapping[str, str]] = {
    "app.cli.face": {"merchant": "Who is paid.", "plan": "What is sold."},
    "app.cli.setup": {"staff": "Who looks after payments."},
    "app.cli.processes": {
        "worker": "Does the work that rings announce; any number may run.",
        "scheduler": "Sweeps every SWEEP_SECONDS; any number may run, one acts.",
        "sweep": "One pass of everything due: messages, prompts, questions.",
    },
    "app.cli.books": {
        "check-books": "Proves the money rules from the rows; exits 1 with the ids of what is wrong.",
        "verify-audit": "Recomputes each merchant's chain of events; exits 1 when one is broken.",
        "suspense": "Lists money without an owner, oldest first, with its age in days; then what was erased people's.",
    },
    "app.cli.callbacks": {
        "callbacks": "Lists what is parked or waits for another try, and replays it."
    },
    "app.cli.export": {"export": "Writes JSON lines to standard output."},
    "app.cli.figures": {"figures": "Counts every day of every merchant again."},
    "app.cli.opt_out": {
        "opt-out": "Sends this number no prompt any more, whoever types it.",
        "opt-in": "Lets this number be asked again.",
    },
    "app.cli.people": {
        "erase": "Erases a person: they go, the money stays.",
        "export-subscriber": "Writes all that is held about a person as one JSON document to standard output.",
    },
    "app.cli.retention": {
        "retention": "Lets go what has been kept long enough, in small commits, while the application runs."
    },
    "app.cli.rotate": {
        "rotate-keys": "Seals everything again under the first of ENCRYPTION_KEYS, while the application runs."
    },
    "app.cli.doctor": {
        "doctor": "Looks at settings, database, Redis, keys, processes, addresses and each merchant's M-PESA."
    },
    "app.cli.backup": {
        "backup": "Dumps the database into DIRECTORY while everything runs, and removes the oldest files there."
    },
    "app.cli.demo": {
        "demo": "Names the default merchant, adds plans, staff and history; does nothing a second time."
    },
    "app.cli.simulator": {"simulator": "A pretend Safaricom, with a phone on the screen."},
}
PRETENDING = ("app.cli.demo", "app.cli.simulator")  # left out of the image, with app.simulator


def commands() -> list[Later]:
    pretends = find_spec("app.simulator") is not None
    return [
        Later(name, module, first_line)
        for module, lines in FIRST_LINES.items()
        for name, first_line in lines.items()
        if pretends or module not in PRETENDING
    ]


def init_app(app: Flask) -> None:
    for command in commands():
        app.cli.add_command(command)
