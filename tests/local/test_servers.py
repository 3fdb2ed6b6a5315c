import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from app.local import places, processes, server, servers
from app.local.lock import Taken
from app.local.processes import CannotRun
from tests.local.conftest import redis, sql


def test_a_new_database_is_empty_utf8_and_on_a_socket_only(postgres):
    postgres.start()
    assert sql(postgres, "SELECT current_database()") == "malipo"
    assert sql(postgres, "SHOW server_encoding") == "UTF8"
    assert sql(postgres, "SHOW listen_addresses") == ""
    assert sql(postgres, "SHOW timezone") == "UTC"
    assert sql(postgres, "SELECT lower('ÉCOLE')") == "école"


def test_only_tests_are_forgetful(durable):
    durable.start()
    for setting in servers.FORGETFUL:
        assert sql(durable, f"SHOW {setting}") == "on"


def test_the_url_suits_sqlalchemy_and_psql(postgres):
    postgres.start()
    engine = create_engine(postgres.url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()
    psql = places.postgres_programs(None) / "psql"
    answer = subprocess.run(
        [psql, postgres.url, "-Atc", "SELECT 2"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "2\n"


def test_nobody_else_can_come_in(postgres, valkey):
    postgres.start()
    valkey.start()
    for data in (postgres.data, valkey.data):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_rows_survive_a_stop(postgres):
    postgres.start()
    sql(postgres, "CREATE TABLE kept AS SELECT 7 AS number")
    postgres.stop()
    assert not postgres.answers()
    postgres.start()
    assert sql(postgres, "SELECT number FROM kept") == 7


def test_rows_survive_a_kill(durable):
    process = durable.start()
    sql(durable, "CREATE TABLE kept AS SELECT 7 AS number")
    process.kill()
    process.wait()
    durable.stop()
    assert (durable.data / "postmaster.pid").exists()
    durable.start()
    assert sql(durable, "SELECT number FROM kept") == 7


def test_the_number_of_a_strangers_process_does_not_stop_it(postgres):
    postgres.start()
    postgres.stop()
    pid = postgres.data / "postmaster.pid"
    pid.write_text(f"{os.getpid()}\n{postgres.data}\n")
    pid.chmod(0o644)
    postgres.start()
    assert sql(postgres, "SELECT 1") == 1


def test_keys_survive_a_stop_and_a_kill(valkey):
    process = valkey.start()
    redis(valkey, "SET", "kept", "7")
    valkey.stop()
    process = valkey.start()
    assert redis(valkey, "GET", "kept") == b"7"
    process.kill()
    process.wait()
    valkey.stop()
    assert valkey.socket.exists()  # stale
    valkey.start()
    assert redis(valkey, "GET", "kept") == b"7"


def test_valkey_keeps_jobs_rather_than_forget_them(valkey):
    valkey.start()
    with Redis.from_url(valkey.url, decode_responses=True) as client:
        assert client.config_get("appendonly", "appendfsync", "maxmemory-policy", "port") == {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "port": "0",
        }


@pytest.mark.parametrize("kind", ["postgres", "valkey"])
def test_an_orphan_is_stopped_first(kind, request):
    ours = request.getfixturevalue(kind)
    orphan = ours.start()
    ours.lock.release()  # as the kernel does for a supervisor that was killed
    successor = type(ours)(ours.data, ours.log)
    try:
        successor.start()
        assert orphan.wait(10) == 0
        assert successor.answers()
    finally:
        successor.stop()


def test_an_orphan_that_does_not_listen_is_killed(valkey):
    orphan = valkey.start()
    orphan.send_signal(signal.SIGSTOP)
    processes.retire("valkey-server", valkey.data, signal.SIGTERM, seconds=0.2)
    assert orphan.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["postgres", "valkey"])
def test_only_one_process_starts_it(kind, request):
    ours = request.getfixturevalue(kind)
    ours.start()
    other = type(ours)(ours.data, ours.log)
    with pytest.raises(Taken, match="Another command of Malipo holds"):
        other.start(wait=0.1)
    assert other.running() == ours.url
    ours.stop()
    assert other.running() is None


def test_a_half_made_directory_is_made_again(postgres):
    half = postgres.data.with_name("postgres.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres.start()
    assert sql(postgres, "SELECT 1") == 1
    assert not half.exists()


def test_a_path_too_long_for_a_socket_gets_a_short_one(instance):
    data = instance / ("x" * 120) / "postgres"
    long = servers.Postgres(data, instance / "log/postgres.log", durable=False)
    try:
        long.start()
        assert sql(long, "SHOW fsync") == "off"
        assert len(str(places.socket_directory(data, long.owner))) < 60
    finally:
        long.stop()
        places.remove(places.socket_directory(data, long.owner))


def test_a_short_path_that_is_somebody_elses_is_refused(instance, monkeypatch):
    data = instance / ("x" * 120)
    monkeypatch.setattr("tempfile.tempdir", str(instance.parent))
    places.socket_directory(data, None)
    with pytest.raises(CannotRun, match="belongs to another user"):
        places.socket_directory(data, processes.Owner(os.geteuid() + 1, 1))


def test_data_of_another_version_is_one_sentence_and_its_reason(postgres):
    postgres.start()
    postgres.stop()
    (postgres.data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(CannotRun, match=r"(?s)PostgreSQL ended before it answered.*incompatible"):
        postgres.start()
    assert not postgres.lock.is_held()


def test_a_failed_initdb_is_one_sentence_and_its_reason(postgres, monkeypatch):
    monkeypatch.setattr(places, "make_room", lambda data, _: data.write_text("no directory"))
    postgres.data.parent.mkdir()
    with pytest.raises(CannotRun, match="could not make its directory"):
        postgres.start()


def test_silence_does_not_last_for_ever(valkey, monkeypatch):
    monkeypatch.setattr(server, "LONGEST_START", 0.1)
    monkeypatch.setattr(servers.Valkey, "answers", lambda _: False)
    with pytest.raises(CannotRun, match="has not answered"):
        valkey.start()
    assert valkey.process is None


def test_a_fork_does_not_stop_its_parents_server(valkey, monkeypatch):
    valkey.start()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    valkey.stop()
    monkeypatch.undo()
    assert valkey.answers()


def test_a_directory_of_another_user_is_one_sentence(valkey, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CannotRun, match="belongs to another user"):
        valkey.start()


def test_a_large_log_is_put_aside(instance, monkeypatch):
    monkeypatch.setattr(processes, "LARGE", 3)
    log = instance / "log/x.log"
    log.parent.mkdir(parents=True)
    log.write_text("much")
    program = processes.Program(("/bin/true",), log, {})
    processes.start(program).wait()
    assert (log.read_text(), Path(log.with_suffix(".old.log")).read_text()) == ("", "much")
