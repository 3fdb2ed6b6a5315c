"""`flask rotate-keys`: everything sealed lies under the first of ENCRYPTION_KEYS afterwards."""

import sys
from time import sleep

import click
from flask.cli import with_appcontext

from app import resealing
from app.extensions import db
from app.jobs import spool
from app.resealing import COLUMNS, Sealed
from app.settings import settings

TELL_EVERY = 10_000  # rows
PASSES, PAUSE_SECONDS = 30, 1.0  # for rows that others hold: nobody holds one for long


@click.command("rotate-keys")
@click.option("--dry-run", is_flag=True, help="Count what lies under which key, change nothing.")
@with_appcontext
def rotate_keys(*, dry_run: bool) -> None:
    """Seals everything again under the first of ENCRYPTION_KEYS, while the application runs.

    It may be stopped at any time, and goes on when it is run again.
    """
    if dry_run:
        _count()
    else:
        sys.exit(0 if _rotate() else 1)


def _count() -> None:
    for sealed in COLUMNS:
        counts = ", ".join(f"{count} under {kid}" for kid, count in resealing.keys(sealed).items())
        click.echo(f"{sealed}: {counts or 'nothing'}")
    db.session.rollback()


def _rotate() -> bool:
    """Whether nothing lies under another key any more."""
    wrong = [sealed for sealed in COLUMNS if not _reseal(sealed)]
    waiting = sum(1 for _ in spool.waiting())
    if waiting:
        click.echo(f"{waiting} messages of this machine's spool keep their key: flask sweep first.")
    if not wrong and not waiting:
        click.echo(f"Nothing lies under another key than {_kid()}: the others may go.")
    return not wrong


def _kid() -> str:
    return settings().encryption_keys[0][0]


def _reseal(sealed: Sealed) -> bool:
    """Pass after pass, because what somebody holds is left out."""
    changed, unopened, left = 0, set[int](), 0
    for _ in range(PASSES):
        more, unopened = _pass(sealed)
        changed += more
        left = resealing.left(sealed) - len(unopened)
        db.session.rollback()
        if left <= 0:
            break
        sleep(PAUSE_SECONDS)
    click.echo(f"{sealed}: {changed} sealed again under {_kid()}")
    return _tell(sealed, unopened, left)


def _pass(sealed: Sealed) -> tuple[int, set[int]]:
    """Once over the table. Each batch is a commit of its own."""
    changed, unopened, after = 0, set[int](), 0
    while (batch := resealing.batch(sealed, after)).last_id is not None:
        db.session.commit()
        unopened.update(batch.unopened)
        after = batch.last_id
        if (changed + batch.changed) // TELL_EVERY > changed // TELL_EVERY:
            click.echo(f"{sealed}: {changed + batch.changed} …")
        changed += batch.changed
    db.session.rollback()
    return changed, unopened


def _tell(sealed: Sealed, unopened: set[int], left: int) -> bool:
    if unopened:
        ids = ", ".join(map(str, sorted(unopened)))
        click.echo(f"{sealed}: cannot be opened, changed or of a key that is not there: {ids}")
    if left > 0:
        click.echo(
            f"{sealed}: {left} are in use, or were written under another key just now. Restart every "
            "process with today's ENCRYPTION_KEYS, then run this again."
        )
    return not unopened and left <= 0


COMMANDS = (rotate_keys,)
