"""From nothing to today's tables and back, on a database of its own."""

from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.script import ScriptDirectory
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect, text

import config
from app import create_app
from app import tables as every_table
from app.checkup import migrations
from app.extensions import db
from tests import servers
from tests.conftest import environment, let_go

TABLES = set(every_table.merchants.Merchant.metadata.tables) | {"alembic_version"}


@pytest.fixture
def empty_url(postgres_url):
    """A database that no other test sees, on the tests' server."""
    name = f"{urlsplit(postgres_url).path.strip('/')}_migrations"
    yield servers.create_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"drop database {name} with (force)")


@pytest.fixture
def empty(empty_url, redis_url):
    app = create_app(config.read(environment(empty_url, redis_url)), migrations=True)
    with app.app_context():
        yield app
        db.session.remove()
        let_go()


def ask(question):
    with db.engine.connect() as connection:
        return connection.execute(text(question)).all()


def tables():
    return set(inspect(db.engine).get_table_names())


def functions():
    ours = "select proname from pg_proc where pronamespace = 'public'::regnamespace"
    return {name for (name,) in ask(ours)}


def default_merchants():
    return ask("select slug, shortcode from merchant")


def test_there_is_one_newest_migration(empty):
    """What /readyz reads for itself is what Alembic goes by."""
    scripts = ScriptDirectory(empty.extensions["migrate"].directory)
    everything = frozenset(script.revision for script in scripts.walk_revisions())
    assert scripts.get_heads() == [migrations.known().head]
    assert migrations.known().revisions == everything


def test_the_migrations_make_what_the_models_say(empty):
    upgrade()
    assert tables() == TABLES
    check()  # raises when a model and its table differ


def test_the_way_back_leaves_nothing_and_can_be_walked_again(empty):
    upgrade()
    downgrade(revision="base")
    assert tables() == {"alembic_version"}
    assert functions() == set()
    upgrade()
    assert tables() == TABLES
    check()


def test_the_default_merchant_is_there_exactly_once(empty):
    upgrade()
    assert default_merchants() == [("default", None)]
    upgrade()
    assert default_merchants() == [("default", None)]
    downgrade(revision="base")
    upgrade()
    assert default_merchants() == [("default", None)]


def test_a_second_upgrade_keeps_what_is_there(empty):
    upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("update merchant set name = 'Mwanga'"))
    upgrade()
    assert ask("select name from merchant") == [("Mwanga",)]


def test_the_command_upgrades_an_empty_database(empty):
    result = empty.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 0
    assert tables() == TABLES


def test_a_migration_leaves_no_lock_behind(empty):
    """The process that migrated may go on: the next migration must not wait for it."""
    upgrade()
    mine = "database = (select oid from pg_database where datname = current_database())"
    assert ask(f"select * from pg_locks where locktype = 'advisory' and {mine}") == []
    assert ask("show lock_timeout") == [("10s",)]  # the application's own, not the migration's 2 s


def test_the_migrations_can_be_read_as_sql(empty, capsys):
    upgrade(sql=True)
    assert "CREATE TABLE payment" in capsys.readouterr().out
