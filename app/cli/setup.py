"""`flask merchant create`, `flask plan create`, `flask staff create`."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from app import merchants, staff
from app.billing import subscriptions
from app.billing.models import MAX_PRICE, Plan
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant

EVERY = re.compile(r"(?:([0-9]{1,3})[ -]?)?(day|week|month|quarter|year)s?", re.ASCII)
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)

merchant = AppGroup("merchant", help="Who is paid.")
plan = AppGroup("plan", help="What is sold.")
people = AppGroup("staff", help="Who looks after payments.")
COMMANDS = (merchant, plan, people)


@contextmanager
def sentences() -> Iterator[None]:
    """What a person did wrong becomes one sentence and exit code 1."""
    try:
        yield
        db.session.commit()
    except Refused as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from error


def found_merchant(slug: str) -> Merchant:
    seller = merchants.named(slug)
    if seller is None:
        raise Refused(f"There is no merchant {slug!r}.")
    return seller


@merchant.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="As customers know it.")
@click.option("--shortcode", required=True, help="The paybill, or a till's store number.")
@click.option("--till", help="The till number, when money comes to a till.")
def create_merchant(slug: str, name: str, shortcode: str, till: str | None) -> None:
    """Adds a merchant; its secrets come as lines on standard input.

    consumer_key=…, consumer_secret=…, passkey=…
    """
    with sentences():
        made = merchants.create(slug, name, shortcode, till, _secrets(sys.stdin.read()))
    click.echo(f"merchant {made.slug} created")


def _secrets(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


@plan.command("create")
@click.argument("code")
@click.option("--name", required=True)
@click.option("--price", required=True, help="Whole shillings.")
@click.option("--every", required=True, help="day, week, month, quarter, year, or like '2 weeks'.")
@click.option("--merchant", "slug", default=merchants.DEFAULT, show_default=True)
def create_plan(code: str, name: str, price: str, every: str, slug: str) -> None:
    """Adds a plan that customers can subscribe to."""
    with sentences():
        made = subscriptions.create_plan(_plan(code, name, price, every, slug))
    click.echo(f"plan {made.code} created")


def _plan(code: str, name: str, price: str, every: str, slug: str) -> Plan:
    if not CODE.fullmatch(code):
        raise Refused("CODE is 1 to 40 of a-z, 0-9 and -.")
    interval = EVERY.fullmatch(every.strip().lower())
    if interval is None or int(interval[1] or 1) == 0:
        raise Refused("--every is day, week, month, quarter or year, or like '2 weeks'.")
    return Plan(
        merchant_id=found_merchant(slug).id,
        code=code,
        name=name.strip(),
        price=shillings(price),
        every=int(interval[1] or 1),
        unit=interval[2],
    )


def shillings(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text, re.ASCII) or not 1 <= int(text) <= MAX_PRICE:
        raise Refused(f"--price is whole shillings from 1 to {MAX_PRICE}: M-PESA takes no cents.")
    return int(text)


@people.command("create")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(staff.ROLES))
@click.option("--merchant", "slug", default=merchants.DEFAULT, show_default=True)
def create_staff(email: str, role: str, slug: str) -> None:
    """Adds an account; the password is the first line of standard input."""
    with sentences():
        made = staff.create(found_merchant(slug), email, role, sys.stdin.readline().rstrip("\r\n"))
    click.echo(f"{made.role} {made.email} created")
