"""`make fuzz`: strangers and staff at every door, tens of thousands of times."""

import os
import sys
from collections import Counter

import pytest

from tests.fuzz import knocking, visiting

MANY = int(os.environ.get("MALIPO_FUZZ_REQUESTS") or 20_000)


@pytest.mark.timeout(3_600)
def test_no_door_gives_way_for_long(app, go_round, cli):
    visitors = go_round(MANY)
    told(visitors)
    assert [what for what, _ in visitors.wrong[:20]] == [], visitors.wrong[:20]
    assert sum(visitors.seen.values()) >= MANY
    assert {door.endpoint for door in knocking.doors(app)} == {door for door, _ in visitors.seen}
    assert visiting.unfit_columns() == {}
    books = cli.invoke(args=["check-books"])
    assert books.exit_code == 0, books.output


def told(visitors):
    """How often which door answered what."""
    doors = {}
    for (door, status), times in sorted(visitors.seen.items()):
        doors.setdefault(door, Counter())[status] += times
    for door, statuses in doors.items():
        shown = "  ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
        sys.stdout.write(f"{sum(statuses.values()):6} {door:45} {shown}\n")
    took, slow = visitors.slowest
    for what, times in Counter(what for what, _ in visitors.wrong).items():
        sys.stdout.write(f"WRONG {times} times: {what}\n")
    sys.stdout.write(f"{sum(visitors.seen.values()):6} in all; the slowest {took:.2f} s: {slow}\n")
