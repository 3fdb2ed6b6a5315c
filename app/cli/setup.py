"""`flask merchant create`, `flask plan create`, `flask staff create`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from app import merchants, staff
from app.billing import plans
from app.billing.models import Plan
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.staff import Staff, accounts

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
        made = plans.create(_plan(code, name, price, every, slug))
    click.echo(f"plan {made.code} created")


def _plan(code: str, name: str, price: str, every: str, slug: str) -> Plan:
    interval = plans.checked_interval(every)
    return Plan(
        merchant_id=found_merchant(slug).id,
        code=plans.checked_code(code),
        name=plans.checked_name(name),
        price=plans.checked_price(price),
        every=interval.every,
        unit=interval.unit,
    )


@people.command("create")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(staff.ROLES))
@click.option("--merchant", "slug", default=merchants.DEFAULT, show_default=True)
def create_staff(email: str, role: str, slug: str) -> None:
    """Adds an account; the password is the first line of standard input."""
    with sentences():
        made = staff.create(found_merchant(slug), email, role, _password())
    click.echo(f"{made.role} {made.email} created")


def _password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


@people.command("disable")
@click.argument("email")
def disable_staff(email: str) -> None:
    """Closes an account and signs it out everywhere, the last owner's too."""
    with sentences():
        accounts.disable(_account(email), accounts.COMMAND)
    click.echo(f"{email} disabled")


@people.command("reset")
@click.argument("email")
@click.option("--second-factor", is_flag=True, help="Remove the second factor too.")
def reset_staff(email: str, *, second_factor: bool) -> None:
    """Sets a new password, the first line of standard input, and signs the account out everywhere."""
    with sentences():
        person = _account(email)
        accounts.reset_password(person, _password(), accounts.COMMAND)
        if second_factor:
            accounts.remove_second_factor(person, accounts.COMMAND)
    click.echo(f"{email} reset")


def _account(email: str) -> Staff:
    person = accounts.named(email)
    if person is None:
        raise Refused(f"There is no account for {email}.")
    return person
