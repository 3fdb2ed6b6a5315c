"""`flask demo`: something to buy, once, and only beside the pretend Safaricom."""

import re

from sqlalchemy import select

from app import merchants, staff
from app.billing.models import Plan
from app.extensions import db
from app.staff import Staff
from tests import factories


def rows():
    db.session.expire_all()
    plans = select(Plan.code, Plan.name, Plan.price, Plan.unit, Plan.every).order_by(Plan.id)
    return [tuple(row) for row in db.session.execute(plans)]


def test_the_demo_has_a_name_three_plans_and_an_owner(cli):
    result = cli.invoke(args=["demo"])
    assert result.exit_code == 0
    assert merchants.named("default").name == "Mwanga Academy"
    assert rows() == [
        ("daily", "Day pass", 20, "day", 1),
        ("standard", "Standard", 1499, "month", 1),
        ("yearly", "Full year", 14999, "year", 1),
    ]
    told = re.fullmatch(r"admin: owner@example\.co\.ke  password: (\S{12,})\n", result.output)
    assert told
    owner = db.session.scalars(select(Staff)).one()
    assert owner.role == "owner"
    assert staff.password_fits(owner, told[1])


def test_a_second_time_nothing_happens(cli):
    cli.invoke(args=["demo"])
    before = rows()
    result = cli.invoke(args=["demo"])
    assert (result.exit_code, result.output) == (0, "")
    assert rows() == before
    assert len(db.session.scalars(select(Staff)).all()) == 1


def test_it_touches_nothing_where_something_is_sold_already(plan, cli):
    assert cli.invoke(args=["demo"]).exit_code == 0
    assert len(rows()) == 1
    assert merchants.named("default").name == "Duka"


def test_another_merchants_plans_do_not_matter(cli):
    factories.plan(factories.merchant())
    assert cli.invoke(args=["demo"]).exit_code == 0
    assert len(rows()) == 4


def test_outside_the_simulator_it_is_refused(cli, set_setting):
    set_setting(mpesa_environment="sandbox")
    result = cli.invoke(args=["demo"])
    assert result.exit_code == 1
    assert result.output == "Error: The demo is only for MPESA_ENVIRONMENT=simulator.\n"
    assert rows() == []


def test_an_account_of_that_name_is_said_and_leaves_nothing_behind(cli):
    staff.create(merchants.named("default"), "owner@example.co.ke", "owner", "correct horse")
    db.session.commit()
    result = cli.invoke(args=["demo"])
    assert result.exit_code == 1
    assert result.output == "Error: There is an account for owner@example.co.ke already.\n"
    assert rows() == []
