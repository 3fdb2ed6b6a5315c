"""The real PostgreSQL and Valkey of a test run: started once, by the process that hands out the work.

Nothing here reads DATABASE_URL or REDIS_URL: whatever they name stays as it is.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from app.local import places
from app.local.servers import in_instance


@dataclass(frozen=True)
class Urls:
    database: str  # for maintenance: where other databases are made from
    redis: str


@dataclass(frozen=True)
class TestServers:
    __test__ = False  # not for pytest to collect

    urls: Urls
    stop: Callable[[], None] = field(repr=False)


KEY = pytest.StashKey[TestServers]()


def start_test_servers() -> TestServers:
    top = Path(tempfile.mkdtemp(prefix="malipo-test-"))
    top.chmod(0o755)  # where root tests, PostgreSQL is somebody else
    postgres, valkey = in_instance(top, durable=False)

    def stop() -> None:
        valkey.stop()
        postgres.stop()
        places.remove(postgres.data)
        shutil.rmtree(top, ignore_errors=True)

    try:
        postgres.start()
        valkey.start()
    except BaseException:
        stop()
        raise
    return TestServers(Urls(postgres.database("postgres"), valkey.url), stop)


def create_database(server_url: str, name: str, template: str | None = None) -> str:
    """A new one, in place of what has that name; its URL."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(
            create.format(sql.Identifier(name), sql.Identifier(template or "template1"))
        )
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def urls(config: pytest.Config) -> Urls:
    """Of the servers of this run, which start when the first test wants them."""
    handed = getattr(config, "workerinput", {}).get("servers")
    if handed:
        return Urls(**handed)
    if KEY not in config.stash:
        config.stash[KEY] = start_test_servers()
    return config.stash[KEY].urls


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: in the controller, for each worker that it is about to start."""
    node.workerinput["servers"] = asdict(urls(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    if KEY in config.stash:
        config.stash[KEY].stop()
        del config.stash[KEY]


def worker(config: pytest.Config) -> str:
    return str(getattr(config, "workerinput", {}).get("workerid", "gw0"))


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> str:
    """An empty database, this worker's own."""
    return create_database(urls(pytestconfig).database, f"malipo_test_{worker(pytestconfig)}")


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> str:
    """An empty numbered database, this worker's own."""
    number = int(worker(pytestconfig).removeprefix("gw"))
    return f"{urls(pytestconfig).redis.partition('?')[0]}?db={number}"
