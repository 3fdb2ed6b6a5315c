"""`flask worker` as a process: it does what is rung, it stops when told, it outlives Redis."""

import time
from threading import Event, Thread

from app.extensions import db
from app.jobs import bell, worker
from tests import factories
from tests.jobs.support import eventually, terminated


def delivered(sold):
    payment, hook = factories.pending(sold)
    factories.deliver(hook, factories.success())
    payment_id = payment.id
    db.session.rollback()
    return payment_id


def paid(payment_id):
    found = factories.fresh(payment_id).status == "paid"
    db.session.rollback()
    return found


def test_a_worker_settles_when_it_is_rung_and_stops_when_told(plan, own_redis, command):
    payment_id = delivered(plan)
    process = command(own_redis.url, "worker")
    bell.ring(bell.SETTLE)
    assert eventually(lambda: paid(payment_id))
    assert process.ends() == 0, process.output
    assert "Traceback" not in process.output


def test_a_worker_waits_for_a_redis_that_is_not_there(plan, own_redis, command):
    payment_id = delivered(plan)
    own_redis.stop()
    process = command(own_redis.url, "worker", LOG_LEVEL="WARNING")
    assert eventually(lambda: "worker without redis" in process.output)
    assert process.runs()
    own_redis.start()
    bell.ring(bell.SETTLE)
    assert eventually(lambda: paid(payment_id))


def test_a_worker_that_waits_for_redis_stops_when_told(app, own_redis, command):
    own_redis.stop()
    process = command(own_redis.url, "worker", LOG_LEVEL="WARNING")
    assert eventually(lambda: "worker without redis" in process.output)
    assert process.ends(5) == 0, process.output


def test_a_worker_that_lost_redis_stops_when_told(plan, own_redis, command):
    payment_id = delivered(plan)
    process = command(own_redis.url, "worker")
    bell.ring(bell.SETTLE)
    assert eventually(lambda: paid(payment_id))
    time.sleep(0.3)  # until the job has ended
    own_redis.stop()
    time.sleep(0.3)
    assert process.ends(5) == 0, process.output


def test_a_worker_outlives_a_restart_of_redis(plan, own_redis, command):
    first = delivered(plan)
    process = command(own_redis.url, "worker")
    bell.ring(bell.SETTLE)
    assert eventually(lambda: paid(first))
    own_redis.stop()
    own_redis.start()
    payment, hook = factories.pending(plan, "254722000111", "ws_CO_2")
    factories.deliver(hook, factories.success(receipt="TKL0000002", checkout_id="ws_CO_2"))
    second = payment.id
    db.session.rollback()

    def rung_and_paid():
        bell.ring(bell.SETTLE)
        return paid(second)

    assert eventually(rung_and_paid, 9), process.output
    assert process.runs()


def test_the_command_works_until_it_is_told_to_stop(plan, own_redis, second_app):
    """In this process: it begins without Redis."""
    payment_id = delivered(plan)
    own_redis.stop()

    def done():
        if not own_redis.runs():
            time.sleep(0.3)
            own_redis.start()
        bell.ring(bell.SETTLE)
        return paid(payment_id)

    with terminated(in_the_application(second_app, done)) as happened, second_app.app_context():
        result = second_app.test_cli_runner().invoke(args=["worker"])
    assert happened == [True]
    assert result.exit_code == 0, result.exception


def in_the_application(app, happens):
    def inside():
        with app.app_context():
            return happens()

    return inside


def test_a_ring_that_was_heard_is_nowhere_in_redis(plan, own_redis, command):
    payment_id = delivered(plan)
    process = command(own_redis.url, "worker")
    bell.ring(bell.SETTLE)
    assert eventually(lambda: paid(payment_id))
    keys = own_redis.client.keys("rq:job:*") + own_redis.client.keys("*intermediate*")
    assert keys == []
    assert process.ends() == 0, process.output
    assert own_redis.client.smembers("rq:workers") == set()


def test_a_ring_that_nobody_understands_stops_nothing(plan, own_redis, command):
    """From a later version's web process, for instance."""
    payment_id = delivered(plan)
    process = command(own_redis.url, "worker", LOG_LEVEL="WARNING")
    bell.queue(own_redis.client).enqueue("app.jobs.work.of_tomorrow", **bell.RING)
    bell.ring(bell.SETTLE)
    assert eventually(lambda: paid(payment_id))
    assert "of_tomorrow" in process.output


def test_a_worker_in_a_long_job_is_still_known(own_redis, monkeypatch, wired_app):
    monkeypatch.setattr(worker, "BEAT", 0.02)
    queue = bell.queue(own_redis.client)
    one = worker.Worker([queue], connection=own_redis.client, serializer=queue.serializer)
    one.register_birth()
    ended = Event()
    beating = Thread(target=one.beat, args=(ended,))
    own_redis.client.expire(one.key, 1)
    beating.start()
    assert eventually(lambda: own_redis.client.ttl(one.key) > 1)
    ended.set()
    beating.join(5)
    assert not beating.is_alive()
