"""`flask doctor` on an installation that is right, and on one with ten mistakes and more."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis
from werkzeug.http import http_date
from werkzeug.serving import make_server

from app import clock, create_app
from app.checkup import bad_settings
from app.extensions import db
from app.jobs import spool
from app.jobs.scheduler import Scheduler
from app.local import servers
from app.payments import inbox
from app.simulator import SimulatorSettings, running
from tests import factories
from tests.conftest import let_go
from tests.local.conftest import instance  # noqa: F401 - a fixture
from tests.test_config import ROOT, bare, env, production

SHOP = SimulatorSettings(
    consumer_key="key",
    consumer_secret="secret",
    shortcode="174379",
    passkey="passkey",
    early_seconds=0,
)
SECRETS = ("hunter2", "passkey-of-the-wrong-length", "test-secret", "0" * 64)


@pytest.fixture
def safaricom():
    """The pretended one, on a port of its own."""
    with running(SHOP) as pretended:
        yield pretended


@pytest.fixture
def redis(instance):  # noqa: F811 - the fixture above
    """One of our own: a test changes how it is set up."""
    _, server = servers.in_instance(instance)
    server.start()
    yield server.url
    server.stop()


@contextmanager
def serving(application):
    """Our own address, as the internet sees it."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def web(app):
    with serving(app) as address:
        yield address


@pytest.fixture
def examine(app, cli, set_setting):
    """The command on these settings; what it says about what, and its exit code."""

    def run(bad=None, **settings):
        set_setting(**settings)
        app.extensions["malipo.bad_settings"] = bad or {}
        app.extensions.pop("malipo.clients", None)
        db.session.commit()
        result = cli.invoke(args=["doctor", "--json"])
        del app.extensions["malipo.bad_settings"]
        assert not any(secret in result.stdout for secret in SECRETS)
        rows = json.loads(result.stdout)["checks"]
        return result.exit_code, {(row["about"], row["name"]): row for row in rows}

    return run


@pytest.fixture
def in_use(app):
    """A payment was made, and a scheduler holds the lock."""
    _, hook = factories.pending(factories.plan())
    factories.deliver(hook, factories.success())
    scheduler = Scheduler()
    scheduler.tick()
    yield
    scheduler.resign()


def states(found, *wanted):
    return {key for key, row in found.items() if row["state"] in wanted}


@pytest.mark.usefixtures("in_use")
def test_an_installation_that_is_right(examine, safaricom, redis, web):
    code, found = examine(
        mpesa_base_url=safaricom.url, redis_url=redis, public_base_url=web, secret_key="s" * 32
    )
    assert states(found, "bad") == set()
    assert code == 0
    assert found["Merchant default", "Consumer key and secret"]["state"] == "ok"
    assert found["Address", "Messages from outside"]["state"] == "ok"
    assert found["Address", "Forged addresses"]["state"] == "ok"
    assert inbox.unsettled() == []


@pytest.fixture
def ten_minutes_ahead(monkeypatch):
    """Safaricom's clock, by the header of each answer."""
    ahead = lambda *_: http_date(clock.now() + timedelta(minutes=10))  # noqa: E731
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", ahead)


@pytest.mark.usefixtures("ten_minutes_ahead")
def test_each_planted_mistake_is_named(app, examine, safaricom, redis):
    factories.pending(factories.plan(factories.merchant(till="600123")))
    with Redis.from_url(redis) as planted:
        planted.config_set("maxmemory-policy", "allkeys-lru")
        planted.config_set("appendonly", "no")
    malformed = bad_settings.find(env(SWEEP_SECONDS="often", CALLBACK_ADDRESSES="safaricom"))
    spooled(app)
    code, found = examine(
        malformed.bad,
        mpesa_environment="production",
        mpesa_passkey="passkey-of-the-wrong-length",
        mpesa_base_url=safaricom.url,
        redis_url=redis,
        public_base_url="https://127.0.0.1:9",
        phone_index_key=b"2" * 32,
        encryption_keys=(("k1", bytes(32)), ("k2", bytes(32))),
    )
    assert code == 1
    assert re.search("(599|600|601) s behind", found["Address", "Clock"]["says"])
    wrong = states(found, "bad") | states(found, "warn")
    assert wrong >= {
        ("Settings", "Start"),
        ("Settings", "Session key"),
        ("Settings", "Keys of their own"),
        ("Database", "The books are closed"),
        ("Database", "Nothing is forgotten"),
        ("Redis", "Eviction"),
        ("Redis", "Append-only file"),
        ("Keys", "Phone index"),
        ("Processes", "Scheduler"),
        ("Processes", "Spool"),
        ("Address", "Address"),
        ("Address", "Reached from outside"),
        ("Address", "Clock"),
        ("Merchant default", "Till and store number"),
        ("Merchant default", "Passkey"),
        ("Merchant duka", "Consumer key and secret"),
        ("Merchant duka", "Till and store number"),
    }
    assert "allkeys-lru" in found["Redis", "Eviction"]["says"]
    assert all(
        row["mend"] for row in found.values() if row["state"] == "bad" and row["name"] != "Start"
    )


def spooled(app):
    place = Path(app.instance_path) / "spool"
    place.mkdir(parents=True, exist_ok=True)
    (place / "20260101T000000000000-0.msg").touch()


@pytest.fixture(autouse=True)
def nothing_spooled(app):
    yield
    for file in spool.waiting():
        file.unlink()


def test_a_key_that_is_not_in_the_ring_is_named_and_so_is_one_of_another_value(examine, plan):
    factories.pending(plan)
    _, found = examine(encryption_keys=(("k2", b"2" * 32),), mpesa_base_url="http://127.0.0.1:9")
    says = found["Keys", "Key ring"]["says"]
    assert "lacks k1" in says
    assert "payment.phone_sealed" in says
    assert found["Keys", "Phone index"]["state"] == "unknown"
    _, found = examine(encryption_keys=(("k1", b"2" * 32),), mpesa_base_url="http://127.0.0.1:9")
    assert found["Keys", "Key ring"]["state"] == "ok"
    assert "payment.phone_sealed" in found["Keys", "Keys"]["says"]


def test_what_the_demo_invented_may_not_sign_in_beside_real_money(examine, app):
    app.test_cli_runner().invoke(args=["demo", "--no-history"])
    _, found = examine(mpesa_environment="production", mpesa_base_url="http://127.0.0.1:9")
    assert found["Database", "People"]["state"] == "bad"


def test_another_server_at_our_address_is_not_ours(examine, safaricom):
    _, found = examine(public_base_url=safaricom.url, mpesa_base_url=safaricom.url)
    assert "Somebody else answers" in found["Address", "Reached from outside"]["says"]
    assert found["Address", "Messages from outside"]["state"] == "unknown"


def test_too_many_trusted_proxies_are_noticed_by_a_forged_address(app, examine, safaricom):
    settings = dataclasses.replace(app.extensions["malipo.settings"], trusted_proxy_hops=1)
    trusting = create_app(settings)
    with serving(trusting) as address:
        _, found = examine(public_base_url=address, mpesa_base_url=safaricom.url)
    assert found["Address", "Forged addresses"]["state"] == "bad"
    with trusting.app_context():
        let_go()


def start(*words, **variables):
    """As an operator starts it."""
    return subprocess.run(
        [sys.executable, "-m", "flask", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_bad_settings_and_no_servers_are_sentences_and_all_at_once():
    broken = {
        "SWEEP_SECONDS": "often",
        "MPESA_SHORTCODE": "paybill",
        "PUBLIC_BASE_URL": "https://mpesa.example.co.ke",
        "ENCRYPTION_KEYS": "hunter2",
        "DATABASE_URL": "postgresql://malipo:hunter2@127.0.0.1:9/malipo",
        "REDIS_URL": "redis://:hunter2@127.0.0.1:9/0",
    }
    given = production(**broken, SECRET_KEY=None)
    ran = start("doctor", **given)
    assert ran.returncode == 1, ran.stderr
    for name in (
        "SECRET_KEY is missing",
        "SWEEP_SECONDS",
        "MPESA_SHORTCODE",
        "ENCRYPTION_KEYS must",
    ):
        assert f"Start: {name}" in ran.stdout
    assert "PUBLIC_BASE_URL contains 'mpesa'" in ran.stdout
    assert "PostgreSQL does not let us in" in ran.stdout
    assert "Redis does not answer" in ran.stdout
    assert "hunter2" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_every_setting_that_stops_the_start_is_named_together_with_the_others():
    bad = dict.fromkeys(bare(), "\N{SNOWMAN}") | {"LOG_LEVEL": "\N{SNOWMAN}", "SECRET_KEY": ""}
    opaque = {"MPESA_CONSUMER_KEY", "MPESA_CONSUMER_SECRET", "MPESA_PASSKEY"}  # anything is one
    assert bad_settings.find(bad).bad.keys() == bad.keys() - opaque
    assert bad_settings.find(env()).bad == {}


def test_real_money_without_a_database_of_its_own_is_named():
    given = production(DATABASE_URL=None, REDIS_URL=None)
    ran = start("doctor", **given)
    assert "Start: DATABASE_URL is missing." in ran.stdout
    assert "Start: REDIS_URL is missing." in ran.stdout
