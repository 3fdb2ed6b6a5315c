"""Real PostgreSQL, real Valkey, the real application. Only the wire to Safaricom and time are fake."""

import dataclasses
import re

import pytest
import responses
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import text

import config
from app import create_app
from app.extensions import db
from app.payments import books
from tests import factories

pytest_plugins = ["tests.servers"]

DARAJA = "http://daraja.test"


def environment(postgres_url, redis_url, **more):
    return {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "test-secret",
        "ENCRYPTION_KEYS": f"k1:{'0' * 64}",
        "PHONE_INDEX_KEY": "1" * 64,
        "MPESA_ENVIRONMENT": "simulator",
        "MPESA_BASE_URL": DARAJA,
        "MPESA_CONSUMER_KEY": "key",
        "MPESA_CONSUMER_SECRET": "secret",
        "MPESA_SHORTCODE": "174379",
        "MPESA_PASSKEY": "passkey",
        "PUBLIC_BASE_URL": "http://localhost",
        "LOG_LEVEL": "ERROR",
        **more,
    }


@pytest.fixture(scope="session")
def wired_app(postgres_url, redis_url, tmp_path_factory):
    """The application on a migrated database, once for the session."""
    app = create_app(config.read(environment(postgres_url, redis_url)), migrations=True)
    app.test_client_class = Browser
    app.instance_path = str(tmp_path_factory.mktemp("instance"))  # its spool is nobody else's
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        let_go()


@pytest.fixture
def app(wired_app, request):
    """An empty database around each test, whose books are checked after it."""
    with wired_app.app_context():
        empty_database()
        yield wired_app
        db.session.rollback()
        wrong = wrong_in_the_books()
        db.session.remove()
    if "breaks_books" not in request.keywords:
        assert wrong == []


def let_go():
    """Closes the current application's connections."""
    for engine in db.engines.values():
        engine.dispose()


ALL_RULES = text(
    " union all ".join(
        f"(select '{rule.name}' as rule, wrong::text from ({rule.sql}) wrong limit 20)"
        for rule in books.RULES
    )
)


def wrong_in_the_books():
    """Rules and rows that break them: all rules in one statement, which PostgreSQL plans once."""
    found = [tuple(row) for row in db.session.execute(ALL_RULES)]
    db.session.rollback()
    return found


def empty_database():
    """By DELETE, without triggers: TRUNCATE takes ten times as long on small tables."""
    tables = [table for table in db.metadata.tables.values() if table.name != "alembic_version"]
    emptied = [f'delete from "{table.name}"' for table in tables]
    restarted = [
        f"select setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)"
        for table in tables
        if "id" in table.c
    ]
    merchant = "insert into merchant (slug, name, created_at) values ('default', 'Duka', now())"
    script = ["set local session_replication_role = replica", *emptied, *restarted, merchant]
    db.session.execute(text("; ".join(script)))
    db.session.commit()


@pytest.fixture
def set_setting(app):
    """Changes settings of the running application for one test."""
    before = app.extensions["malipo.settings"]

    def change(**values):
        app.extensions["malipo.settings"] = dataclasses.replace(before, **values)

    yield change
    app.extensions["malipo.settings"] = before


class Browser(FlaskClient):
    """Each request has an application context, and so a session and a `g`, of its own."""

    def open(self, *args, **kwargs):
        db.session.rollback()
        with self.application.app_context():
            return super().open(*args, **kwargs)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def cli(app):
    return app.test_cli_runner()


@pytest.fixture
def plan(app):
    return factories.plan()


@pytest.fixture
def safaricom(app):
    """The wire to Safaricom, with a token to be had. Tests add what it answers."""
    app.extensions.pop("malipo.clients", None)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.get(
            re.compile(f"{DARAJA}/oauth/.*"), json={"access_token": "token", "expires_in": "3599"}
        )
        yield wire
