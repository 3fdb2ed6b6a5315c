"""`flask export …` on a laptop: no DATABASE_URL, and `make run` may or may not be up."""

import atexit
from collections.abc import Callable

import pytest

from app.local import servers
from app.local.lock import Taken


def test_a_lone_command_attaches_to_what_runs(valkey, instance):
    valkey.start()
    _, lone = servers.in_instance(instance)
    assert servers.ensure(lone) == valkey.url
    assert lone.process is None


def test_a_lone_command_starts_its_own(instance, monkeypatch):
    at_the_end: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", at_the_end.append)
    try:
        full = servers.ensure_environment({"LOG_LEVEL": "ERROR", "REDIS_URL": " "}, instance)
        assert full["LOG_LEVEL"] == "ERROR"
        assert full["SECRET_KEY"]
        assert full["DATABASE_URL"].startswith("postgresql://malipo@/malipo?host=")
        assert full["REDIS_URL"].startswith("unix://")
        assert len(at_the_end) == 2
    finally:
        for stop in at_the_end:
            stop()


def test_a_lone_command_leaves_what_is_set(instance):
    given = {"DATABASE_URL": "postgresql://db/malipo", "REDIS_URL": "redis://redis"}
    assert servers.ensure_environment(given, instance) == given
    assert not instance.exists()


def test_a_lone_command_waits_for_who_is_just_starting(valkey, monkeypatch):
    valkey.lock.take()
    other = servers.Valkey(valkey.data, valkey.log)
    tries = []

    def step(_seconds):
        tries.append(1)
        valkey.lock.release()

    monkeypatch.setattr(servers, "sleep", step)
    monkeypatch.setattr(atexit, "register", lambda _: None)
    try:
        assert servers.ensure(other) == other.url
        assert tries
    finally:
        other.stop()


def test_a_lone_command_does_not_wait_for_ever(valkey):
    valkey.lock.take()
    with pytest.raises(Taken):
        servers.ensure(servers.Valkey(valkey.data, valkey.log), seconds=0.2)
