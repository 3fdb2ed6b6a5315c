"""What `flask --help` lists: the name and first line of every command, known without the application.

Whoever only reads the list does not wait for it to be imported: a quarter of the time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from flask import Flask

# By module, where the command itself is (design.md §7). app/cli/__init__.py imports it when it is wanted.
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
    "app.cli.renew": {
        "renew": "Opens the next invoices and queues their prompts; the scheduler sends them by day."
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
# Not ours, and not Flask's own: Flask-Migrate's.
MIGRATIONS = ("db", "Perform database migrations.")
WITH_PAGES = {
    MIGRATIONS[0],
    "routes",
    "run",
    "shell",
}  # these want the whole application, with its pages


def ours() -> Mapping[str, Mapping[str, str]]:
    """The commands that are there, by module."""
    pretends = (Path(__file__).parent / "app" / "simulator").exists()
    return {
        module: lines
        for module, lines in FIRST_LINES.items()
        if pretends or module not in PRETENDING
    }


def is_read(words: Sequence[str]) -> bool:
    """Whether the command line names no command at all: then Flask lists them."""
    names = {name for lines in ours().values() for name in lines}
    return (names | WITH_PAGES).isdisjoint(words)


def application() -> Flask:
    """Has the names, and does nothing."""
    app = Flask("app")
    for name, first_line in [
        MIGRATIONS,
        *(line for lines in ours().values() for line in lines.items()),
    ]:
        app.cli.add_command(click.Command(name, help=first_line, short_help=first_line))
    return app
