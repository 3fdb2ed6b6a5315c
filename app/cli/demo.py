"""`flask demo`: something to buy, and a few weeks of history, for `make run`."""

import secrets
from datetime import timedelta
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock, merchants, staff
from app.billing import plans
from app.billing.models import Plan
from app.cli import history
from app.cli.setup import found_merchant, sentences
from app.desk import saved
from app.extensions import db
from app.merchants import Merchant
from app.settings import settings
from app.staff import Staff

NAME = "Mwanga Academy"
SOLD = ("code", "name", "price", "unit", "every")
PLANS = (
    ("daily", "Day pass", 20, "day", 1),
    ("standard", "Standard", 1499, "month", 1),
    ("yearly", "Full year", 14_999, "year", 1),
)
ADMIN = "owner@example.co.ke"
# Of each role somebody, with the owner's password.
STAFF = {
    "owner": (ADMIN, "Mary Wambui"),
    "finance": ("finance@example.co.ke", "Amina Yusuf"),
    "support": ("support@example.co.ke", "Brian Otieno"),
    "viewer": ("viewer@example.co.ke", "Grace Njeri"),
    "operator": ("operator@example.co.ke", "Dennis Kiprono"),
}
OPENED = timedelta(days=47)  # ago, before anything happened
# Another merchant under the same roof, with a number of its own; what it sells.
NEIGHBOUR, NEIGHBOURS_PLAN = (
    ("duka", "Duka la Njeri", "600123"),
    ("box", "Vegetable box", 850, "week", 1),
)
VIEWS = {"Failed this week": "status=failed&days=7", "Full year": "plan=yearly&status=paid"}


@click.command()
@click.option("--history/--no-history", "with_history", default=True, help="What was paid so far.")
@with_appcontext
def demo(*, with_history: bool) -> None:
    """Names the default merchant, adds plans, staff and history; does nothing a second time."""
    if settings().mpesa_environment != "simulator":
        raise click.ClickException("The demo is only for MPESA_ENVIRONMENT=simulator.")
    with sentences():
        merchant = found_merchant(merchants.DEFAULT)
        if db.session.scalar(select(Plan.id).where(Plan.merchant_id == merchant.id).limit(1)):
            return
        _fill(merchant)
        _open_next_door()
        password = secrets.token_urlsafe(9)
        people = _hire(merchant, password)
        if with_history:
            history.write(merchant, people)
            _save_views(people["owner"])
    click.echo(f"admin: {ADMIN}  password: {password}")


def _hire(merchant: Merchant, password: str) -> dict[str, Staff]:
    """By role."""
    people = {}
    for role, (email, name) in STAFF.items():
        people[role] = staff.create(merchant, email, role, password)
        people[role].name = name
        people[role].created_at = clock.now() - OPENED
    db.session.flush()
    return people


def _fill(merchant: Merchant) -> None:
    merchant.name = NAME
    merchant.support = "0712 345 678"
    for what in PLANS:
        _sell(merchant, *what)


def _sell(merchant: Merchant, *what: Any) -> None:
    plan = Plan(merchant_id=merchant.id, **dict(zip(SOLD, what, strict=True)))
    plan.created_at = clock.now() - OPENED
    plans.create(plan)


def _open_next_door() -> None:
    """The pretend Safaricom knows one pair of keys, and any passkey of a number that it does not know."""
    slug, name, number = NEIGHBOUR
    if merchants.named(slug):
        return
    known = {
        key: getattr(settings(), f"mpesa_{key}") for key in ("consumer_key", "consumer_secret")
    }
    passkey = secrets.token_hex(32)
    neighbour = merchants.create(slug, name, number, None, known | {"passkey": passkey})
    db.session.flush()
    _sell(neighbour, *NEIGHBOURS_PLAN)


def _save_views(person: Staff) -> None:
    for name, query in VIEWS.items():
        saved.save(saved.Owner(person.id, person.merchant_id), name, query)


COMMANDS = (demo,)
