"""`flask worker`, `flask scheduler`, `flask sweep`, `flask simulator`."""

import signal

import click
from flask.cli import with_appcontext

from app.extensions import db
from app.jobs import sweep as sweeping
from app.jobs import worker as working
from app.jobs.scheduler import Scheduler
from app.merchants import DEFAULT, named
from app.settings import settings
from app.simulator import SimulatorSettings, serve


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


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8001, show_default=True)
@with_appcontext
def simulator(host: str, port: int) -> None:
    """A pretend Safaricom, with a phone on the screen."""
    ours = settings()
    if ours.mpesa_environment != "simulator":
        raise click.ClickException("The simulator runs only with MPESA_ENVIRONMENT=simulator.")
    serve(host, port, _pretended())


def _pretended() -> SimulatorSettings:
    ours = settings()
    merchant = named(DEFAULT)
    name = merchant.name if merchant else "Malipo"
    db.session.remove()
    return SimulatorSettings(
        consumer_key=ours.mpesa_consumer_key,
        consumer_secret=ours.mpesa_consumer_secret,
        shortcode=ours.mpesa_shortcode,
        passkey=ours.mpesa_passkey,
        till=ours.mpesa_till,
        merchant_name=name.upper(),
        checkout_url=ours.public_base_url + "/",
        address=ours.mpesa_base_url,
    )


COMMANDS = (worker, scheduler, sweep, simulator)
