"""One installation for the tests of a file: what one test leaves behind, the next one's account has too."""

import os
import secrets
import sys
from random import Random

import pytest

from tests.faults.crowd import Crowd
from tests.faults.installation import Installation


@pytest.fixture(scope="module")
def seed():
    """MALIPO_FAULTS_SEED, or a new one; pytest shows it beside a failure, and -s always."""
    chosen = int(os.environ.get("MALIPO_FAULTS_SEED") or secrets.randbelow(1_000_000))
    sys.stdout.write(f"\nSEED={chosen}\n")
    return chosen


@pytest.fixture(scope="module")
def luck(seed):
    return Random(seed)  # noqa: S311 - it breaks things, it guards nothing


@pytest.fixture(scope="module")
def house():
    installation = Installation()
    try:
        installation.open()
        yield installation
    finally:
        installation.close()


@pytest.fixture(scope="module")
def crowd(house, luck):
    customers = Crowd(house, luck)
    yield customers
    customers.close()
