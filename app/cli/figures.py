"""`flask figures`: count the days again that overview and analytics read."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app.desk import counting
from app.extensions import db
from app.merchants import Merchant


@click.command()
@with_appcontext
def figures() -> None:
    """Counts every day of every merchant again. The scheduler does so for what changes."""
    for merchant in db.session.scalars(select(Merchant).order_by(Merchant.id)).all():
        counting.forget(merchant.id)
        db.session.commit()
        while counting.count(merchant.id):
            db.session.commit()
        db.session.commit()
        click.echo(f"{merchant.slug}: ok")


COMMANDS = (figures,)
