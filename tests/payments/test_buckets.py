"""A bucket of tokens that all processes share: so many at once, so many a second."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.payments import buckets
from app.payments.buckets import RateBucket
from tests.payments.test_concurrency import at_once


def take(key="k", capacity=3.0, per_second=1.0):
    taken = buckets.take(key, buckets.Rate(capacity, per_second))
    db.session.commit()
    return taken


def takes(**how):
    """How many can be had right now."""
    most = 50
    return next(n for n in range(most) if not take(**how))


@pytest.fixture
def still(app):
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


def test_a_full_bucket_gives_what_it_holds(still):
    assert takes() == 3
    assert not take()


def test_it_fills_with_time(still):
    takes()
    still.shift(timedelta(seconds=1))
    assert takes() == 1
    still.shift(timedelta(seconds=2))
    assert takes() == 2


def test_it_never_holds_more_than_its_capacity(still):
    takes()
    still.shift(timedelta(days=1))
    assert takes() == 3


def test_parts_of_a_token_add_up(still):
    takes(per_second=0.4)
    for expected in (0, 0, 1):
        still.shift(timedelta(seconds=1))
        assert takes(per_second=0.4) == expected


def test_who_asks_in_vain_does_not_delay_the_next_token(still):
    takes()
    for _ in range(4):
        still.shift(timedelta(milliseconds=249))
        assert not take()
    still.shift(timedelta(milliseconds=4))
    assert take()


def test_each_key_has_a_bucket_of_its_own(still):
    assert takes(key="one") == 3
    assert takes(key="other") == 3
    assert db.session.scalar(select(func.count()).select_from(RateBucket)) == 2


def test_a_bucket_without_refill_stays_empty(still):
    assert takes(per_second=0) == 3
    still.shift(timedelta(days=1))
    assert not take(per_second=0)


def test_what_is_taken_back_is_there_again(still):
    assert buckets.take("k", buckets.Rate(1, 0))
    db.session.rollback()
    assert takes(capacity=1, per_second=0) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_drained_bucket_has_nothing_for_so_many_seconds(still, known):
    if known:
        take()
    buckets.drain("k", buckets.Rate(3, 1), seconds=10)
    db.session.commit()
    still.shift(timedelta(seconds=9))
    assert not take()
    still.shift(timedelta(seconds=1))
    assert takes() == 1


def test_many_at_once_take_only_what_is_there(app):
    assert sum(at_once(app, lambda _: take(capacity=5, per_second=0), 12)) == 5


def take_up_to(most, capacity=5.0, per_second=0.0):
    taken = buckets.take_up_to(most, "k", buckets.Rate(capacity, per_second))
    db.session.commit()
    return taken


def test_several_are_taken_at_once_as_far_as_they_go(still):
    assert [take_up_to(3), take_up_to(3), take_up_to(3)] == [3, 2, 0]


def test_several_come_back_with_time(still):
    assert take_up_to(9, per_second=1) == 5
    still.shift(timedelta(seconds=2.5))
    assert take_up_to(9, per_second=1) == 2
    still.shift(timedelta(seconds=0.5))
    assert take_up_to(9, per_second=1) == 1


def test_who_takes_one_and_who_takes_several_share_a_bucket(still):
    assert take(capacity=5, per_second=0)
    assert take_up_to(9) == 4
    assert not take(capacity=5, per_second=0)


def test_many_who_take_several_take_only_what_is_there(app):
    """Who is first makes the bucket; the others find it, or nothing in it."""
    assert take_up_to(1) == 1
    assert sum(at_once(app, lambda _: take_up_to(2), 12)) == 4
