"""`flask check-books`, `flask verify-audit`: do our own rows keep the money rules?"""

import sys
from collections.abc import Iterable
from typing import TextIO

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app import audit, clock
from app.daraja import Unreadable, strict_json
from app.extensions import db
from app.merchants import Merchant
from app.payments import booking, books
from app.privacy import erasing
from app.watching import house


@click.command("check-books")
@with_appcontext
def check_books() -> None:
    """Proves the money rules from the rows; exits 1 with the ids of what is wrong."""
    wrong = {}
    for rule in books.RULES:
        ids = books.violations(rule)
        wrong[rule.name] = len(ids)
        shown = ", ".join(map(str, ids)) if ids else "ok"
        click.echo(f"{rule.name}: {shown}" + (f"  ({rule.says})" if ids else ""))
    house.books_said(wrong)
    db.session.commit()
    sys.exit(1 if any(wrong.values()) else 0)


@click.command("verify-audit")
@click.option(
    "--heads", type=click.File(), help="A log: what it says of the chains must be in them."
)
@with_appcontext
def verify_audit(heads: TextIO | None) -> None:
    """Recomputes each merchant's chain of events; exits 1 when one is broken.

    With the scheduler's log it also tells a chain that somebody wrote anew, and one that is shorter
    than it was, as after a restored backup.
    """
    noted = _noted(heads or ())
    broken = False
    for merchant in db.session.scalars(select(Merchant).order_by(Merchant.id)).all():
        wrong = audit.verify(merchant.id) + audit.missing(merchant.id, noted.pop(merchant.id, {}))
        broken = broken or bool(wrong)
        click.echo(f"{merchant.slug}: {', '.join(wrong) or 'ok'}")
    for merchant_id in noted:
        click.echo(f"merchant {merchant_id}: in the log, and not here")
    sys.exit(1 if broken or noted else 0)


def _noted(log: Iterable[str]) -> dict[int, dict[int, bytes]]:
    """Hashes by merchant and number; other lines of the log are left out."""
    noted = dict[int, dict[int, bytes]]()
    for line in log:
        try:
            said = strict_json(line[line.index("{") :].encode())  # after words of journald's
        except (ValueError, Unreadable):
            continue
        if isinstance(said, dict) and said.get("event") == "audit head":
            noted.setdefault(said["merchant"], {})[said["seq"]] = bytes.fromhex(said["hash"])
    return noted


@click.command()
@with_appcontext
def suspense() -> None:
    """Lists money without an owner, oldest first, with its age in days; then what was erased people's."""
    for receipt, amount in booking.in_suspense():
        age = (clock.now() - receipt.paid_at).days
        click.echo(f"receipt {receipt.id}  {receipt.code or '-'}  KSh {amount:,}  {age} days")
    for person_id, left in erasing.balances():
        click.echo(f"customer {person_id}  erased  KSh {left:,} on the balance")


COMMANDS = (check_books, verify_audit, suspense)
