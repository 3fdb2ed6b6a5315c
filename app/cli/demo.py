"""`flask demo`: something to buy, for `make run`."""

import secrets

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app import merchants, staff
from app.billing import subscriptions
from app.billing.models import Plan
from app.cli.setup import found_merchant, sentences
from app.extensions import db
from app.merchants import Merchant
from app.settings import settings

NAME = "Mwanga Academy"
PLANS = (
    ("daily", "Day pass", 20, "day", 1),
    ("standard", "Standard", 1499, "month", 1),
    ("yearly", "Full year", 14_999, "year", 1),
)
ADMIN = "owner@example.co.ke"


@click.command()
@with_appcontext
def demo() -> None:
    """Names the default merchant, adds three plans and an owner; does nothing a second time."""
    if settings().mpesa_environment != "simulator":
        raise click.ClickException("The demo is only for MPESA_ENVIRONMENT=simulator.")
    with sentences():
        merchant = found_merchant(merchants.DEFAULT)
        if db.session.scalar(select(Plan.id).where(Plan.merchant_id == merchant.id).limit(1)):
            return
        _fill(merchant)
        password = secrets.token_urlsafe(9)
        staff.create(merchant, ADMIN, "owner", password)
    click.echo(f"admin: {ADMIN}  password: {password}")


def _fill(merchant: Merchant) -> None:
    merchant.name = NAME
    merchant.support = "0712 345 678"
    for code, name, price, unit, every in PLANS:
        plan = Plan(
            merchant_id=merchant.id, code=code, name=name, price=price, unit=unit, every=every
        )
        subscriptions.create_plan(plan)


COMMANDS = (demo,)
