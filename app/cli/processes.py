"""`flask worker`, `flask scheduler`, `flask sweep`."""

import signal

import click
from flask.cli import with_appcontext

from app.jobs import sweep as sweeping
from app.jobs import worker as working
from app.jobs.scheduler import Scheduler


@click.command()
@with_appcontext
def worker() -> None:
    """Does the work that rings announce; any number may run."""
    working.run()


@click.command()
@with_appcontext
def scheduler() -> None:
    """Sweeps every SWEEP_SECONDS; any number may run, one acts."""
    running = Scheduler()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stopping.set())
    running.run()


@click.command()
@with_appcontext
def sweep() -> None:
    """One pass of everything due: messages, prompts, questions."""
    sweeping.sweep()
    sweeping.finish()


COMMANDS = (worker, scheduler, sweep)
