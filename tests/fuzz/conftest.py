"""A shop with something in every room, and one round of knocking at all its doors."""

import os
import secrets
import sys

import pytest

from app.extensions import db
from app.jobs import work
from tests import factories
from tests.fuzz import knocking, visiting
from tests.fuzz.hostile import Luck
from tests.web.admin import money
from tests.web.admin.desk import sitting


@pytest.fixture
def chosen_seed():
    """MALIPO_FUZZ_SEED, or a new one; pytest shows it beside a failure, and -s always."""
    chosen = int(os.environ.get("MALIPO_FUZZ_SEED") or secrets.randbelow(1_000_000))
    sys.stdout.write(f"\nSEED={chosen}\n")
    return chosen


@pytest.fixture
def shop(app, plan, safaricom, monkeypatch):
    """`known`: for each part of a path, what is there. The wire to Safaricom leads nowhere."""
    factories.plan(factories.merchant(), code="theirs")
    money.everything(sitting(app, "finance"), plan)
    paid, hook = factories.pending(plan, "254744000001", "ws_CO_9")
    factories.deliver(hook, factories.success(receipt="TKLFUZZ001", checkout_id="ws_CO_9"))
    work.settle_inbox()
    live, its_hook = factories.pending(plan, "254744000002", "ws_CO_8")
    tokens = [paid.token, live.token]
    return {
        "token": [*tokens, *tokens, hook, its_hook],
        "plan": ["standard"],
        "merchant": ["default", "duka"],
        "name": ["pay.css", "x.0123456789.js"],
        "int": ["1", "2", "3", "4", "5", "6"],
        "string": ["standard", "default", "1", "2026-11-20"],
        "any": ["consumer_key", "passkey", "payments", "retire", "disable", "hold"],
    }


@pytest.fixture
def visitors(app):
    found = visiting.Visitors(app)
    yield found
    found.close()


@pytest.fixture
def go_round(app, shop, visitors, chosen_seed):
    """Knocks so many times, and says what was wrong."""

    def go(times):
        luck, doors = Luck(chosen_seed), knocking.doors(app)
        for _ in range(times):
            visitors.knock(knocking.knock(luck, doors, shop))
        db.session.rollback()
        return visitors

    return go
