"""Commands are imported when they are wanted; what `flask --help` says of them is said twice."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import menu
from app import cli, tables
from app.extensions import Model
from tests.conftest import environment

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", cli.commands(), ids=lambda command: command.name)
def test_the_list_of_commands_says_what_each_says_itself(command):
    assert command.get_short_help_str(limit=200) == command.real().get_short_help_str(limit=200)


def test_whatever_command_runs_knows_every_table():
    known = {module.__name__ for module in vars(tables).values() if isinstance(module, ModuleType)}
    assert {mapper.class_.__module__ for mapper in Model.registry.mappers} <= known


def flask(given, *words):
    argv = [sys.executable, "-X", "importtime", "-m", "flask", "--app", "wsgi", *words]
    return subprocess.run(
        argv, check=False, cwd=ROOT, env=given, capture_output=True, text=True, timeout=60
    )


def test_whoever_reads_the_list_does_not_wait_for_the_application():
    told = flask({"PATH": os.environ["PATH"]}, "--help")
    assert told.returncode == 0
    assert {"flask.cli", "menu"} <= imported(told.stderr)
    assert not {"app", "sqlalchemy", "alembic"} & imported(told.stderr)


def imported(told):
    return {line.rpartition("|")[2].strip() for line in told.splitlines()}


def test_a_command_s_own_help_is_asked_of_the_command(app, postgres_url, redis_url):
    given = {"PATH": os.environ["PATH"]} | environment(postgres_url, redis_url)
    assert "--dry-run" in flask(given, "retention", "--help").stdout


def test_the_list_has_what_the_application_has(app):
    assert set(app.cli.commands) == set(menu.application().cli.commands)
