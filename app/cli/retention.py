"""`flask retention`: what the scheduler does at night, now."""

import click
from flask.cli import with_appcontext

from app.extensions import db
from app.jobs import spool
from app.privacy import retention
from app.privacy.retention import RULES, Rule


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Count what would go, change nothing.")
@with_appcontext
def retain(*, dry_run: bool) -> None:
    """Lets go what has been kept long enough, in small commits, while the application runs.

    It may be stopped at any time, and goes on when it is run again.
    """
    for rule in RULES:
        count = retention.due(rule) if dry_run else _all_of(rule)
        click.echo(f"{rule.name}: {count}  ({rule.says})")
    files = spool.leftovers(retention.BODY_LIFE)
    click.echo(f"spool: {len(files)}  (files of this machine that nobody could read in 90 days)")
    for file in files if not dry_run else ():
        file.unlink(missing_ok=True)
    if unread := retention.unread():
        click.echo(f"{unread} older messages could not be settled and stay: see `flask callbacks`.")
    db.session.rollback()


def _all_of(rule: Rule) -> int:
    total = 0
    while taken := retention.batch(rule):
        db.session.commit()
        total += taken
    db.session.commit()
    return total


COMMANDS = (retain,)
