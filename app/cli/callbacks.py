"""`flask callbacks`: messages that could not be settled, and another try for them."""

import re

import click
from flask.cli import with_appcontext

from app.cli.setup import sentences
from app.errors import Refused
from app.jobs import work
from app.payments import inbox


@click.group(invoke_without_command=True)
@click.pass_context
def callbacks(context: click.Context) -> None:
    """Lists what is parked or waits for another try, and replays it."""
    if context.invoked_subcommand is None:
        listed()


@with_appcontext
def listed() -> None:
    for message in inbox.unsettled():
        state = "parked" if message.parked_at else f"next try {message.next_try_at:%Y-%m-%d %H:%M}Z"
        click.echo(
            f"{message.id}  payment {message.payment_id}  received {message.received_at:%Y-%m-%d %H:%M}Z"
            f"  tries {message.tries}  {state}  {message.error or ''}"
        )


@callbacks.command()
@click.argument("which")
@with_appcontext
def replay(which: str) -> None:
    """Settles one parked message again, by its id, or `all` of them."""
    with sentences():
        count = inbox.unpark(None if which == "all" else _number(which))
    work.settle_inbox()
    click.echo(f"{count} replayed")
    listed()


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text, re.ASCII):
        raise Refused("Name a callback by its number, or say 'all'.")
    return int(text)


COMMANDS = (callbacks,)
