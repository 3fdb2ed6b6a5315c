import pytest

import config
from app import create_app
from tests.conftest import environment, let_go
from tests.jobs.support import Command, Valkey


@pytest.fixture(autouse=True)
def own_spool(wired_app, tmp_path, monkeypatch):
    """Files that wait for the database are this test's, not those of whoever runs beside it."""
    monkeypatch.setattr(wired_app, "instance_path", str(tmp_path))
    return tmp_path / "spool"


@pytest.fixture
def valkey():
    server = Valkey().start()
    yield server
    server.close()


@pytest.fixture
def own_redis(valkey, set_setting):
    """The application with a Redis that no other test sees."""
    set_setting(redis_url=valkey.url)
    return valkey


@pytest.fixture
def no_redis(set_setting, tmp_path):
    set_setting(redis_url=f"unix://{tmp_path}/nobody")


@pytest.fixture
def command(app):
    """Starts `flask …` processes, and ends what is left of them."""
    started = []

    def start(redis_url, *words, **more):
        started.append(Command(app, redis_url, *words, **more))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def second_app(app, valkey, tmp_path):
    """Another process's application, on the same database: what it closes stays closed."""
    url = app.extensions["malipo.settings"].database_url
    second = create_app(config.read(environment(url, valkey.url, SWEEP_SECONDS="0.001")))
    second.instance_path = str(tmp_path)
    yield second
    with second.app_context():
        let_go()
