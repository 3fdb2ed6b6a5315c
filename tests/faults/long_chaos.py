"""`make faults`: some minutes of random faults under load; SEED=… repeats their order.

Rounds alternate between mute and deaf breakages (see breakages.py: the two never meet in one
payment, so between rounds nothing is on its way), with harmless ones in both.
"""

import sys
from random import Random
from time import monotonic, sleep

import pytest

from tests.faults import account, breakages, customs
from tests.faults.crowd import Stream
from tests.faults.patience import eventually

ROUNDS = 2
CUSTOMERS_A_SECOND = 3
HARMLESS_A_ROUND = 4


@pytest.mark.timeout(900)
def test_random_faults_lose_no_shilling_and_invent_none(house, crowd, seed):
    luck = Random(f"faults {seed}")  # noqa: S311 - what the customers draw does not shift these
    house.start("scheduler2")
    for kinds, custom in rounds():
        eventually(lambda: nothing_is_on_its_way(house), 60, "quiet between two rounds")
        break_in_a_row(house, crowd, drawn(luck, kinds), custom)
    tell(f"{len(crowd.customers)} customers; everything is mended")
    tell(f"the accounts are equal after {account.settle(house, crowd):.1f} s")


def rounds():
    """What must break in each, and what customers do meanwhile."""
    for number in range(ROUNDS):
        throttled = [breakages.THROTTLED] if number == 0 else []
        yield [*breakages.MUTE, *throttled], customs.mute
        yield [*breakages.DEAF] * 2, customs.deaf


def drawn(luck, kinds):
    """What breaks in a round, in which order, and for each a source of its own."""
    chosen = [*kinds, *luck.sample(breakages.HARMLESS, HARMLESS_A_ROUND)]
    luck.shuffle(chosen)
    return [(breakage, Random(luck.random())) for breakage in chosen]  # noqa: S311


def break_in_a_row(house, crowd, row, custom):
    with Stream(crowd, lambda: custom(crowd.luck), CUSTOMERS_A_SECOND):
        for breakage, luck in row:
            sleep(luck.uniform(0.5, 3))
            began = monotonic()
            breakage(house, luck)
            tell(f"{monotonic() - began:4.1f} s {breakage.__name__}")
            assert house.died() == [], house.keep_logs()


def nothing_is_on_its_way(house):
    return house.safaricom.quiet() and not house.count("payment", "status = 'created'")


def tell(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()
