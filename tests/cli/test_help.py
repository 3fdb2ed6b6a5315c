"""Commands are imported when they are wanted; what `flask --help` says of them is said twice."""

from types import ModuleType

import pytest

from app import cli, tables
from app.extensions import Model


@pytest.mark.parametrize("command", cli.commands(), ids=lambda command: command.name)
def test_the_list_of_commands_says_what_each_says_itself(command):
    assert command.get_short_help_str(limit=200) == command.real().get_short_help_str(limit=200)


def test_whatever_command_runs_knows_every_table():
    known = {module.__name__ for module in vars(tables).values() if isinstance(module, ModuleType)}
    assert {mapper.class_.__module__ for mapper in Model.registry.mappers} <= known
