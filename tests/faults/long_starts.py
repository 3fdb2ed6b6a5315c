"""`make faults`: installations that lack something from their first second."""

from random import Random

import pytest

from tests.faults import account
from tests.faults.clockwork import PAID, assert_quick
from tests.faults.crowd import Crowd
from tests.faults.installation import Installation
from tests.faults.patience import eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def house():
    installation = Installation()
    yield installation
    installation.close()


@pytest.fixture
def crowd(house, seed):
    customers = Crowd(house, Random(seed))  # noqa: S311 - which plans they buy
    yield customers
    customers.close()


def test_without_any_worker_the_scheduler_does_it_all(house, crowd):
    house.open("simulator", "web", "scheduler")
    crowd.come(8, **PAID)
    crowd.come(2, **PAID, callback="never")
    account.settle(house, crowd)
    assert house.count("payment", "status = 'paid'") == 10


def test_with_neither_worker_nor_scheduler_nobody_is_asked_late(house, crowd):
    """A prompt that nobody sent within 30 s would surprise its owner: it is never sent."""
    house.open("simulator", "web")
    crowd.come(2, **PAID)
    crowd.served()
    old = "status = 'created' and created_at < now() - interval '30 seconds'"
    eventually(lambda: house.count("payment", old) == 2, 60, "prompts that are too old")
    house.start("worker", "scheduler")
    crowd.come(2, **PAID)
    account.settle(house, crowd)
    assert house.count("payment", "status = 'failed' and reason = 'not_sent'") == 2
    assert len(house.safaricom.payments()) == 2


def test_without_redis_everything_works_and_with_it_the_worker_joins_in(house, crowd):
    house.open(redis=False)
    crowd.come(8, **PAID)
    crowd.come(2, **PAID, callback="never")
    assert_quick(house, crowd)
    account.settle(house, crowd)
    assert house.count("payment", "status = 'paid'") >= 10
    house.valkey.start()
    house.stop("scheduler")
    joined = house.count("payment", "status = 'paid'")
    crowd.come(2, **PAID)
    crowd.served()
    eventually(lambda: paid_again(house, crowd, joined), 60, "the worker works by rings alone")
    house.start("scheduler")
    account.settle(house, crowd)


def paid_again(house, crowd, before):
    """Each customer rings once more: the rings before the worker had found Redis were lost."""
    crowd.come(1, **PAID)
    crowd.served()
    return house.count("payment", "status = 'paid'") > before
