"""`flask simulator`: not in the image that runs in production (C55)."""

import click
from flask.cli import with_appcontext

from app.extensions import db
from app.merchants import DEFAULT, named
from app.settings import settings
from app.simulator import SimulatorSettings, serve


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


COMMANDS = (simulator,)
