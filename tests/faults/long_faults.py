"""`make faults`: each fault by itself, on purpose and at the worst moment. In the order of the file."""

import signal
from time import sleep

import pytest

from app.jobs.scheduler import LOCK
from tests.faults import account, breakages, clockwork, customs
from tests.faults.crowd import Stream
from tests.faults.patience import eventually
from tests.faults.safaricom import is_told

PAID = clockwork.PAID
SLOW = PAID | {"callback_delay": 4}
LEADING = f"granted and classid = {LOCK >> 32} and objid = {LOCK & 0xFFFFFFFF}"
SENDERS = ("worker", "scheduler")
# What M-PESA did for earlier tests does not count any more.
AN_OUTAGE_IS_OVER = """
    insert into outage
        (shortcode, by_hand, opened_at, opened_by, why, look_at, probes, closed_at, closed_by)
    select distinct shortcode, false, now(), 'a test', 'a new page', now(), 0, now(), 'a test'
    from payment where shortcode is not null returning id
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def whole(house):
    house.mend()


def test_the_web_dies_and_customers_reload(house, crowd, luck):
    with Stream(crowd, lambda: customs.deaf(luck), 4):
        for _ in range(2):
            sleep(2)
            breakages.web_killed(house, luck)
    account.settle(house, crowd)


def test_a_worker_dies_while_safaricom_thinks(house, crowd):
    """The answers are lost; the messages find their payments by the token in their address."""
    house.kill("scheduler")
    customers = crowd.come(6, **SLOW, push="delay:2.5")
    house.safaricom.has_asked(customers)
    house.kill("worker")
    orphans = [customer for customer in customers if customer.status(house.web) == "sending"]
    house.start(*SENDERS)
    account.settle(house, crowd)
    assert len(orphans) >= 1
    assert {customer.status(house.web) for customer in customers} == {"paid"}


def test_a_worker_dies_between_its_claim_and_the_push(house, crowd):
    """Whether it was sent nobody can know, so it is never sent again."""
    house.kill(*SENDERS)
    breakages.valkey_emptied(house, None)  # and the token in it
    house.safaricom.faults(oauth="hang", hang_seconds=10)
    customers = crowd.come(4, **PAID)
    crowd.served()
    house.start("worker")
    eventually(lambda: "sending" in {one.status(house.web) for one in customers}, 60, "a claim")
    house.kill("worker")
    orphans = [customer for customer in customers if customer.status(house.web) == "sending"]
    house.safaricom.faults(oauth="ok")
    house.start(*SENDERS)
    account.settle(house, crowd)
    assert {orphan.status(house.web) for orphan in orphans} == {"unconfirmed"}
    assert not [o for o in orphans if house.safaricom.payments(phone=o.phone)]


def test_another_scheduler_takes_over(house, crowd):
    """No worker: what the scheduler does not do, nobody does."""
    house.kill("worker")
    house.start("scheduler2")
    with Stream(crowd, lambda: PAID, 4):
        sleep(3)
        assert house.count("pg_locks", LEADING) == 1
        house.kill("scheduler")
        eventually(lambda: house.count("pg_locks", LEADING) == 1, 5, "another leader")
        sleep(3)
    account.settle(house, crowd)


def test_two_schedulers_share_a_spool(house, crowd):
    """Enough files that both read at the same time."""
    house.start("scheduler2")
    postgres_down_for(house, crowd, crowd.come(8, **SLOW | {"callback": "storm:30"}))
    account.settle(house, crowd)


@pytest.mark.parametrize("breakage", breakages.HARMLESS, ids=lambda one: one.__name__)
def test_something_else_breaks_under_load(house, crowd, luck, breakage):
    with Stream(crowd, lambda: customs.deaf(luck), 4):
        sleep(1)
        breakage(house, luck)
        sleep(1)
    account.settle(house, crowd)


def test_messages_that_find_no_postgres_are_taken_from_the_spool(house, crowd):
    customers = crowd.come(6, **SLOW)
    postgres_down_for(house, crowd, customers)
    account.settle(house, crowd)
    assert {customer.status(house.web) for customer in customers} == {"paid"}


def test_an_answer_outlives_a_restart_of_postgres(house, crowd):
    """No message comes: what Safaricom answered meanwhile is all by which it can be asked."""
    customers = crowd.come(6, **PAID | {"push": "delay:2", "callback": "never"})
    house.safaricom.has_asked(customers)
    house.postgres.process.send_signal(signal.SIGQUIT)
    house.postgres.process.wait()
    sleep(3)
    house.postgres.stop()
    house.postgres.start()
    account.settle(house, crowd)
    assert {customer.status(house.web) for customer in customers} == {"paid"}


def postgres_down_for(house, crowd, customers):
    """PostgreSQL is gone while the news about these comes: 503, and kept on the disk."""
    house.safaricom.has_asked(customers)
    crowd.served()
    phones = {customer.phone for customer in customers}
    house.postgres.process.send_signal(signal.SIGQUIT)
    house.postgres.process.wait()
    eventually(lambda: all_told(house, phones) == {503}, 60, "503 for each")
    assert len(house.spooled()) >= len(phones)
    house.postgres.stop()
    house.postgres.start()


def all_told(house, phones):
    """What we have answered to the news about these, once there is no more; empty before."""
    told = [payment for payment in house.safaricom.payments() if payment["phone"] in phones]
    statuses = {status for payment in told for status in payment["callback_statuses"]}
    return statuses if all(is_told(payment) for payment in told) else set()


def test_with_valkey_frozen_both_doors_answer_within_a_second(house, crowd):
    house.valkey.process.send_signal(signal.SIGSTOP)
    clockwork.assert_quick(house, crowd)
    house.valkey.process.send_signal(signal.SIGCONT)
    account.settle(house, crowd)


def test_a_worker_by_itself_works_on_after_a_restart_of_postgres(house, crowd, luck):
    """No sweep helps: the rings alone have to be enough once PostgreSQL is back."""
    house.stop("scheduler")
    with Stream(crowd, lambda: PAID, 4):
        sleep(1)
        breakages.postgres_restarted(house, luck)
    customers = crowd.come(4, **PAID)
    crowd.served()
    paid = {"paid"}
    eventually(lambda: {c.status(house.web) for c in customers} == paid, 20, "paid without a sweep")
    house.start("scheduler")
    account.settle(house, crowd)


def test_lost_answers_are_made_good_by_messages(house, crowd):
    lost = ("lost", "cut", "hang", "empty_200")
    customers = [one for push in lost for one in crowd.come(3, **PAID, push=push, hang_seconds=5)]
    account.settle(house, crowd)
    assert {customer.status(house.web) for customer in customers} == {"paid"}


def test_a_late_message_brings_the_receipt_that_a_question_could_not(house, crowd):
    customers = crowd.come(3, **PAID, callback="late:14")
    crowd.served()
    paid = {"paid"}
    eventually(lambda: {c.status(house.web) for c in customers} == paid, 60, "paid by question")
    phones = {customer.phone for customer in customers}
    assert not [p for p in house.safaricom.payments() if p["phone"] in phones and is_told(p)]
    eventually(lambda: all_told(house, phones), 60, "the message")
    account.settle(house, crowd)


def test_a_no_of_safaricom_is_told_apart_from_silence(house, crowd):
    expected = {"429": "failed", "busy": "failed", "locked": "failed", "503": "unconfirmed"}
    customers = {push: crowd.come(2, **PAID, push=push) for push in expected}
    account.settle(house, crowd)
    found = {push: some[0].status(house.web) for push, some in customers.items()}
    assert found == expected


def test_daraja_throttles_everything(house, crowd):
    """The last one: for a minute nobody may be asked about, so news has to come by itself."""
    with Stream(crowd, lambda: PAID, 4):
        sleep(1)
        house.safaricom.faults(everything="429")
        sleep(4)
        house.safaricom.faults(everything="ok")
        sleep(1)
    account.settle(house, crowd)


def test_an_outage_outlives_its_processes_and_ends_by_itself(house, crowd):
    """M-PESA is busy for six; whoever comes then is told at once, and pays when their turn comes."""
    house.sql(AN_OUTAGE_IS_OVER)
    crowd.come(6, outcome="26", prompt_delay=0.1, pin_after=0.3, callback_delay=0.1)
    crowd.served()
    eventually(lambda: house.count("outage", "closed_at is null"), 20, "an outage")
    house.kill(*SENDERS)
    house.start(*SENDERS)
    customers = crowd.come(8, **PAID)
    account.settle(house, crowd)
    assert {customer.status(house.web) for customer in customers} == {"paid"}
    assert all(429 in customer.refusals for customer in customers[1:])
    assert max(customer.took for customer in customers) < clockwork.MOST
    assert house.count("outage", "closed_at is null") == 0
