"""`flask opt-out PHONE`, `flask opt-in PHONE`: who wants no prompts gets none, from any merchant."""

import click
from flask.cli import with_appcontext

from app import msisdn
from app.errors import BadPhone
from app.extensions import db
from app.payments import opt_out


@click.command("opt-out")
@click.argument("phone")
@with_appcontext
def stop(phone: str) -> None:
    """Sends this number no prompt any more, whoever types it."""
    opt_out.add(_number(phone))
    db.session.commit()
    click.echo("This number gets no prompts now. Make sure that it is its owner who asked.")


@click.command("opt-in")
@click.argument("phone")
@with_appcontext
def start(phone: str) -> None:
    """Lets this number be asked again."""
    opt_out.remove(_number(phone))
    db.session.commit()
    click.echo("This number can be asked again.")


def _number(typed: str) -> str:
    try:
        return msisdn.parse(typed)
    except BadPhone as error:
        raise click.ClickException("That is no Kenyan mobile number.") from error


COMMANDS = (stop, start)
