"""Ringing costs who rings nothing, whatever Redis does; and a ring is only a hint."""

import time

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from app.jobs import bell, work
from tests.jobs.support import eventually


def rung(valkey):
    """The jobs that wait in Redis, as a worker would read them."""
    queue = Queue(bell.QUEUE, connection=valkey.client, serializer=JSONSerializer)
    return queue.jobs


def took(task):
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("ring", "job"),
    [
        (bell.SEND, "app.jobs.work.send_prompts"),
        (bell.SETTLE, "app.jobs.work.settle_inbox"),
        (bell.ASK, "app.jobs.work.ask_questions"),
    ],
)
def test_a_ring_is_a_job_that_carries_nothing(own_redis, ring, job):
    bell.ring(ring)
    assert eventually(lambda: rung(own_redis))
    [found] = rung(own_redis)
    assert found.func_name == job
    assert (list(found.args), found.kwargs) == ([], {})
    assert found.ttl == bell.RING["ttl"] == 120
    assert found.result_ttl == 0


@pytest.mark.parametrize("ring", [bell.SEND, bell.SETTLE, bell.ASK])
def test_what_can_be_rung_can_be_done(ring):
    assert callable(getattr(work, ring))


def test_many_rings_while_one_is_under_way_are_one(own_redis):
    own_redis.freeze()
    try:
        for _ in range(500):
            bell.ring(bell.SETTLE)
    finally:
        own_redis.thaw()
    bell.ring(bell.SETTLE)
    assert eventually(lambda: rung(own_redis))
    time.sleep(0.4)
    assert 1 <= len(rung(own_redis)) <= 4


def test_a_long_queue_gets_no_longer(own_redis):
    queue = bell.queue(own_redis.client)
    for _ in range(bell.ENOUGH):
        queue.enqueue("app.jobs.work.settle_inbox")
    bell.ring(bell.SETTLE)
    bell.ring(bell.SEND)
    time.sleep(0.3)
    assert queue.count == bell.ENOUGH


def test_a_redis_that_is_not_there_costs_nothing(no_redis):
    assert took(lambda: bell.ring(bell.SETTLE)) < 0.05
    assert max(took(lambda: bell.ring(bell.SEND)) for _ in range(50)) < 0.05


def test_a_frozen_redis_costs_nothing(own_redis):
    bell.ring(bell.SETTLE)
    assert eventually(lambda: rung(own_redis))
    own_redis.freeze()
    try:
        assert max(took(lambda: bell.ring(bell.SETTLE)) for _ in range(50)) < 0.05
    finally:
        own_redis.thaw()


def test_rings_are_heard_again_when_redis_is_back(own_redis):
    bell.ring(bell.SETTLE)
    assert eventually(lambda: rung(own_redis))
    own_redis.stop()
    bell.ring(bell.SETTLE)
    time.sleep(0.1)
    own_redis.start()
    bell.ring(bell.ASK)
    assert eventually(lambda: [job.func_name for job in rung(own_redis)])
    assert rung(own_redis)[-1].func_name == "app.jobs.work.ask_questions"


def test_each_redis_has_a_ringer_of_its_own(own_redis, tmp_path):
    mine = bell.ringer(own_redis.url)
    assert bell.ringer(own_redis.url) is mine
    assert bell.ringer(f"unix://{tmp_path}/other") is not mine


def test_a_ring_that_nobody_hears_is_forgotten(own_redis):
    bell.ring(bell.SETTLE)
    assert eventually(lambda: rung(own_redis))
    [job] = rung(own_redis)
    assert 0 < own_redis.client.ttl(job.key) <= bell.RING["ttl"]


def test_each_ring_is_a_job_of_its_own(own_redis):
    for _ in range(3):
        bell.ring(bell.SETTLE)
        bell.ring(bell.SEND)
        time.sleep(0.1)
    names = [job.func_name for job in rung(own_redis)]
    assert names.count("app.jobs.work.settle_inbox") == 3
    assert names.count("app.jobs.work.send_prompts") == 3


def test_who_has_found_a_long_queue_rings_again_when_it_is_short(own_redis):
    queue = bell.queue(own_redis.client)
    for _ in range(bell.ENOUGH):
        queue.enqueue("app.jobs.work.settle_inbox")
    bell.ring(bell.SETTLE)
    time.sleep(0.1)
    queue.empty()
    bell.ring(bell.SEND)
    assert eventually(lambda: [job.func_name for job in rung(own_redis)])
