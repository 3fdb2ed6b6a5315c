"""`flask erase`, `flask export-subscriber`: what a person may ask of whoever holds their data."""

import json
import sys

import click
from flask.cli import with_appcontext

from app import msisdn
from app.cli.setup import found_merchant, sentences
from app.errors import BadPhone, Refused
from app.extensions import db
from app.jobs import spool
from app.merchants import Merchant
from app.privacy import erasing, exporting, held
from app.privacy.erasing import Gone
from app.staff import reasons
from app.staff.accounts import By

PHONE = click.argument("phone")
MERCHANT = click.option("--merchant", "slug", help="Only what this one holds; else all of them.")
NOBODY = "Nothing is held about this number."


@click.command()
@PHONE
@MERCHANT
@click.option("--reason", required=True, help="For the audit log: who asked, by which letter.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@with_appcontext
def erase(phone: str, slug: str | None, reason: str, *, yes: bool) -> None:
    """Erases a person: they go, the money stays.

    PHONE in any spelling, or - to read it from standard input, so that no shell remembers it. May be
    run again, and goes on where it was stopped.
    """
    with sentences():
        by = By("command", reasons.checked(reason))
        number, only = _number(phone), _merchant(slug)
        if not yes:
            _ask(number, only)
    spool.take_in()  # what came for them while the database was away
    holders = _holders(number, only)
    if not holders:
        click.echo(NOBODY)
    done = [_erased(merchant_id, number, by) for merchant_id in holders]
    if not all(done):
        sys.exit(1)


def _holders(number: str, only: Merchant | None) -> list[int]:
    found = list(held.merchants_that_know(number, only))
    db.session.rollback()
    return found


def _erased(merchant_id: int, number: str, by: By) -> bool:
    """One commit for each merchant: what holds up one of them does not hold up the others."""
    slug = db.session.get_one(Merchant, merchant_id).slug
    try:
        gone = erasing.erase(merchant_id, number, by)
        db.session.commit()
    except Refused as why:
        db.session.rollback()
        click.echo(f"{slug}: not erased. {why}", err=True)
        return False
    click.echo(f"{slug}: {_said(gone)}")
    return True


def _said(gone: Gone) -> str:
    who = f"customer {gone.person_id}" if gone.person_id else "a number that paid for others"
    text = (
        f"{who} erased, {gone.payments} payments severed, {gone.cancelled} subscriptions cancelled"
    )
    if gone.balance:
        text += (
            f"\n  KSh {gone.balance:,} are still theirs: `flask suspense` lists them until they are"
            " paid back or moved."
        )
    return text


def _number(typed: str) -> str:
    try:
        return msisdn.parse(sys.stdin.readline() if typed == "-" else typed)
    except BadPhone as error:
        raise Refused("PHONE must be a Kenyan mobile number, like 0712 345 678.") from error


def _merchant(slug: str | None) -> Merchant | None:
    return found_merchant(slug) if slug is not None else None


def _ask(number: str, only: Merchant | None) -> None:
    whose = only.slug if only else "all merchants"
    click.confirm(f"Erase {msisdn.masked(number)} at {whose}? It cannot be undone", abort=True)


@click.command("export-subscriber")
@PHONE
@MERCHANT
@with_appcontext
def export_subscriber(phone: str, slug: str | None) -> None:
    """Writes all that is held about a person as one JSON document to standard output.

    PHONE in any spelling, or - to read it from standard input. The audit log says that it was done.
    """
    with sentences():
        document = exporting.document(_number(phone), _merchant(slug), By("command"))
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


COMMANDS = (erase, export_subscriber)
