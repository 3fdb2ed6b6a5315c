"""`flask renew`: once a day, by a timer. Invoices are opened, and asked for by the scheduler."""

from collections.abc import Iterator, Sequence
from itertools import chain

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app.cli.setup import found_merchant, sentences
from app.extensions import db
from app.jobs import renewals
from app.merchants import Merchant
from app.payments.renewing import Counted

FARTHEST = 31


@click.command("renew")
@click.option("--merchant", "slug", help="Only this one's customers; else those of all.")
@click.option(
    "--days",
    type=click.IntRange(0, FARTHEST),
    default=1,
    show_default=True,
    help="How long before the end of the paid time people are asked.",
)
@click.option("--dry-run", is_flag=True, help="Count who would be asked, change nothing.")
@with_appcontext
def renew(slug: str | None, days: int, *, dry_run: bool) -> None:
    """Opens the next invoices and queues their prompts; the scheduler sends them by day.

    May be run again at any time: an invoice is queued once. Whoever cancelled, wants no prompts, or
    has stayed away for more than a week is left alone.
    """
    with sentences():
        chosen = _chosen(slug)
    anybody = False
    for line in chain.from_iterable((_looked if dry_run else _run)(one, days) for one in chosen):
        click.echo(line)
        anybody = True
    if not anybody:
        click.echo("Nobody is due.")


def _chosen(slug: str | None) -> Sequence[Merchant]:
    """Raises Refused."""
    if slug is not None:
        return [found_merchant(slug)]
    return db.session.scalars(select(Merchant).order_by(Merchant.id)).all()


def _run(merchant: Merchant, days: int) -> Iterator[str]:
    slug = merchant.slug
    steps = list(renewals.open_all(merchant, days))
    opened, queued, busy = (
        sum(getattr(step, name) for step in steps) for name in ("invoices", "queued", "busy")
    )
    if queued:
        yield f"{slug}: {_some(opened, 'invoice')} opened, {_some(queued, 'prompt')} queued"
    if busy:
        why = "something is happening to them right now. Run it again"
        yield f"{slug}: {_some(busy, 'customer')} left out, {why}"
    yield from _others(slug, renewals.due(merchant, days))


def _looked(merchant: Merchant, days: int) -> Iterator[str]:
    due = renewals.due(merchant, days)
    if due.queued:
        opened = _some(due.queued - due.open, "invoice")
        yield f"{merchant.slug}: would open {opened} and queue {_some(due.queued, 'prompt')}"
    yield from _others(merchant.slug, due)


def _others(slug: str, due: Counted) -> Iterator[str]:
    if due.other:
        yield f"{slug}: {_some(due.other, 'customer')} with an invoice of an older price: left to staff"


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


COMMANDS = (renew,)
