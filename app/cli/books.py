"""`flask check-books`, `flask verify-audit`: do our own rows keep the money rules?"""

import sys

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app import audit, clock
from app.extensions import db
from app.merchants import Merchant
from app.payments import booking, books
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
@with_appcontext
def verify_audit() -> None:
    """Recomputes each merchant's chain of events; exits 1 when one is broken."""
    broken = False
    for merchant in db.session.scalars(select(Merchant).order_by(Merchant.id)).all():
        wrong = audit.verify(merchant.id)
        broken = broken or bool(wrong)
        click.echo(f"{merchant.slug}: {', '.join(wrong) or 'ok'}")
    sys.exit(1 if broken else 0)


@click.command()
@with_appcontext
def suspense() -> None:
    """Lists money without an owner, oldest first, with its age in days."""
    for receipt, amount in booking.in_suspense():
        age = (clock.now() - receipt.paid_at).days
        click.echo(f"receipt {receipt.id}  {receipt.code or '-'}  KSh {amount}  {age} days")


COMMANDS = (check_books, verify_audit, suspense)
