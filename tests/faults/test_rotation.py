"""A new encryption key, while customers pay, and although the command is killed in the middle."""

import json
import secrets

import psycopg
import pytest

from tests.faults import account
from tests.faults.crowd import Stream
from tests.faults.patience import eventually

pytestmark = pytest.mark.timeout(300)  # three restarts, on a machine with other things to do
PAID = {"outcome": "paid", "prompt_delay": 0.1, "pin_after": 0.3, "callback_delay": 0.1}
PROCESSES = ("web", "worker", "scheduler")
SEALED = "payment.phone_sealed", "payment.checkout_sealed", "callback.body_sealed"


def test_a_key_is_changed_under_load_and_the_old_one_goes(house, crowd):
    old, new = house.environment["ENCRYPTION_KEYS"], f"k2:{secrets.token_hex(32)}"
    crowd.come(8, **PAID)
    crowd.served()
    eventually(lambda: house.count("payment", "status = 'paid'") == 8, 60, "all are paid")
    with Stream(crowd, lambda: PAID, a_second=2):
        restarted(house, f"{old},{new}")  # first all can read it
        restarted(house, f"{new},{old}")  # then all write with it
        killed_in_the_middle(house)
        again = house.flask("rotate-keys")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing lies under another key than k2" in again.stdout
    restarted(house, new)
    counted = house.flask("rotate-keys", "--dry-run").stdout
    assert all(f"{column}: " in counted for column in SEALED)
    assert "under k1" not in counted
    crowd.come(2, **PAID)
    account.settle(house, crowd)
    for customer in (crowd.customers[0], crowd.customers[-1]):
        assert opened(house, customer) == [f"+{customer.phone}"]


def restarted(house, keys):
    house.environment["ENCRYPTION_KEYS"] = keys
    house.stop(*PROCESSES)
    house.start(*PROCESSES)


def killed_in_the_middle(house):
    """Somebody holds one row, so that the command cannot come to its end before it is killed."""
    with psycopg.connect(house.postgres.url) as other:
        other.execute("select 1 from payment where status = 'paid' order by id limit 1 for update")
        house.start("rotate-keys", wait=False)
        eventually(lambda: house.count("payment", under("k2")) >= 7, 30, "most under the new key")
        house.kill("rotate-keys")
    assert house.count("payment", under("k1")) >= 1


def under(kid):
    return f"substring(phone_sealed from 3 for 2) = '{kid}'"


def opened(house, customer):
    """The numbers of the payments that the person is told of, with every message readable."""
    told = json.loads(house.flask("export-subscriber", customer.phone).stdout)
    [mine] = told["held_by"]
    texts = [message["text"] for payment in mine["payments"] for message in payment["messages"]]
    assert texts
    assert all(customer.phone in text for text in texts)
    return [payment["phone"] for payment in mine["payments"]]
