import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from app.local import places, servers


@pytest.fixture
def instance():
    """Where PostgreSQL's user may go too, which pytest's own directories are not."""
    top = Path(tempfile.mkdtemp(prefix="malipo-local-"))
    top.chmod(0o755)
    yield top / "instance"
    places.remove(top / "instance/postgres")
    shutil.rmtree(top)


@pytest.fixture
def postgres(instance):
    """As tests have it: made sooner, and a crash may cost it the last rows."""
    server, _ = servers.in_instance(instance, durable=False)
    yield server
    server.stop()


@pytest.fixture
def durable(instance):
    """As `make run` has it."""
    server, _ = servers.in_instance(instance)
    yield server
    server.stop()


@pytest.fixture
def valkey(instance):
    _, server = servers.in_instance(instance)
    yield server
    server.stop()


def sql(server, statement):
    with psycopg.connect(server.url) as connection:
        answer = connection.execute(statement)
        row = answer.fetchone() if answer.description else None
        return row and row[0]


def redis(server, *command):
    with Redis.from_url(server.url) as client:
        return client.execute_command(*command)
