"""`flask check-books`: do our own rows keep the money rules?"""

import sys

import click
from flask.cli import with_appcontext

from app.payments import books


@click.command("check-books")
@with_appcontext
def check_books() -> None:
    """Proves the money rules from the rows; exits 1 with the ids of what is wrong."""
    wrong = 0
    for rule in books.RULES:
        ids = books.violations(rule)
        wrong += len(ids)
        shown = ", ".join(map(str, ids)) if ids else "ok"
        click.echo(f"{rule.name}: {shown}" + (f"  ({rule.says})" if ids else ""))
    sys.exit(1 if wrong else 0)


COMMANDS = (check_books,)
