"""What breaks, for how long, and how it is mended. Each leaves the installation whole again.

Two kinds must never meet in one payment. A *mute* breakage may lose the answer to a push, and with
it the only name by which Safaricom can be asked about the payment; a *deaf* one may lose the news
of how it ended. Without both nobody can know (only a statement tells), so money that is taken then
is listed as unconfirmed and not found. All others may happen whenever they like: neither a crash
of PostgreSQL nor anything that Valkey or Daraja's gateway does may lose an answer or a message.
"""

import os
import signal
from time import sleep

import psycopg
from redis import Redis

from tests.faults.patience import eventually

BACKENDS = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
SCHEDULERS = ("scheduler", "scheduler2")


def worker_killed(house, random):
    house.kill("worker")
    sleep(random.uniform(0, 2))
    house.start("worker")


def scheduler_killed(house, random):
    """One of two: which of them leads is not known."""
    name = random.choice([name for name in SCHEDULERS if name in house.running])
    house.kill(name)
    sleep(random.uniform(0, 2))
    house.start(name)


def everybody_killed(house, random):
    """Whoever sends: prompts wait until somebody is back."""
    senders = [name for name in ("worker", *SCHEDULERS) if name in house.running]
    house.kill(*senders)
    sleep(random.uniform(0, 2))
    house.start(*senders)


def web_killed(house, random):
    house.kill("web")
    sleep(random.uniform(0, 2))
    house.start("web")


def valkey_emptied(house, random):
    with Redis.from_url(house.valkey.url, socket_timeout=5) as client:
        client.flushall()


def valkey_frozen(house, random):
    house.valkey.process.send_signal(signal.SIGSTOP)
    sleep(random.uniform(1, 5))
    house.valkey.process.send_signal(signal.SIGCONT)


def valkey_killed(house, random):
    house.valkey.process.kill()
    house.valkey.process.wait()
    sleep(random.uniform(0, 3))
    house.valkey.stop()
    house.valkey.start()


def postgres_restarted(house, random):
    """As by `pg_ctl restart -m immediate`: no goodbye, and a recovery."""
    house.postgres.process.send_signal(signal.SIGQUIT)
    house.postgres.process.wait()
    sleep(random.uniform(0, 2))
    house.postgres.stop()
    house.postgres.start()


def backend_killed(house, random):
    """PostgreSQL answers the death of one connection's process by restarting all of them."""
    with psycopg.connect(house.postgres.url) as connection:
        pids = [pid for (pid,) in connection.execute(BACKENDS)]
    if pids:
        os.kill(random.choice(pids), signal.SIGKILL)
    eventually(house.postgres.is_complete, 60, "PostgreSQL is back")


def gateway(fault):
    """All of Daraja, tokens and questions too."""

    def broken(house, random):
        house.safaricom.faults(everything=fault, hang_seconds=5)
        sleep(random.uniform(2, 5))
        house.safaricom.faults(everything="ok")

    broken.__name__ = f"gateway_{fault}"
    return broken


MUTE = (worker_killed, scheduler_killed, everybody_killed)
DEAF = (web_killed,)
HARMLESS = (
    valkey_emptied,
    valkey_frozen,
    valkey_killed,
    postgres_restarted,
    backend_killed,
    gateway("refuse_503"),
    gateway("hang"),
    gateway("html"),
)
# 60 s of silence about every payment follow, by Safaricom's own rule: too long for the end of a test.
THROTTLED = gateway("429")
