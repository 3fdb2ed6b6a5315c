"""`flask renew`: what an operator reads."""

from datetime import timedelta

import pytest
import time_machine

from app.billing import invoices, plans
from app.billing.subscriptions import phone_index
from app.extensions import db
from app.payments import limits
from app.staff.accounts import By
from tests import factories
from tests.payments import renewed
from tests.payments.renewed import queue, subscribed
from tests.payments.test_concurrency import at_once


@pytest.fixture(autouse=True)
def noon(app):
    with time_machine.travel(renewed.NOON, tick=False):
        yield


@pytest.fixture
def renew(cli):
    def run(*words):
        result = cli.invoke(args=["renew", *words])
        assert result.exit_code == 0, result.output
        return result.output

    return run


def older_price(plan):
    mine = subscribed(plan)
    invoices.issue(mine, "customer")
    plans.reprice(plan, plan.price + 100, By("staff:7"))
    db.session.commit()


def test_it_says_how_many_of_each_merchant(plan, renew):
    for _ in range(2):
        subscribed(plan)
    invoices.issue(subscribed(plan), "customer")
    db.session.commit()
    subscribed(factories.plan(factories.merchant(), code="gold"))
    factories.merchant("kiosk", shortcode="600999")
    would = (
        "default: would open 2 invoices and queue 3 prompts\n"
        "duka: would open 1 invoice and queue 1 prompt\n"
    )
    assert renew("--dry-run") == would
    assert queue() == []
    assert renew() == (
        "default: 2 invoices opened, 3 prompts queued\nduka: 1 invoice opened, 1 prompt queued\n"
    )
    assert renew() == "Nobody is due.\n"


def test_one_merchant_and_more_days(plan, renew):
    subscribed(plan, ends_in=timedelta(days=3))
    subscribed(factories.plan(factories.merchant(), code="gold"))
    assert renew("--merchant", "default") == "Nobody is due.\n"
    told = renew("--merchant", "default", "--days", "3")
    assert told == "default: 1 invoice opened, 1 prompt queued\n"


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_who_owes_an_older_price_is_named(plan, renew, words):
    older_price(plan)
    told = "default: 1 customer with an invoice of an older price: left to staff\n"
    assert renew(*words) == told


def test_who_is_busy_is_named(app, plan):
    mine = subscribed(plan)
    limits.lock_key(phone_index(mine.subscriber.phone))

    def beside(_):
        return app.test_cli_runner().invoke(args=["renew"]).output

    [told] = at_once(app, beside, 1)
    assert told.startswith("default: 1 customer left out, something is happening to them right now")
    db.session.rollback()


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (("--merchant", "nobody"), "There is no merchant 'nobody'.", 1),
        (("--days", "40"), "40 is not in the range 0<=x<=31", 2),
        (("--days", "soon"), "'soon' is not a valid integer", 2),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(cli, app, words, says, code):
    result = cli.invoke(args=["renew", *words])
    assert result.exit_code == code
    assert says in result.output
