"""What the control API takes: a rule for every key, so that a slip in a test is a 400 and not a riddle."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[Any], bool]

SECONDS = r"[0-9]{1,5}(\.[0-9]{1,3})?"
MOST_SECONDS = 100_000


class BadInstruction(Exception):
    """A sentence that names the key and the value."""


def checked(given: Any, rules: Mapping[str, Rule]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise BadInstruction("Send a JSON object.")
    for key, value in given.items():
        if key not in rules:
            raise BadInstruction(f"Unknown key {key!r}; known: {', '.join(sorted(rules))}.")
        if not rules[key](value):
            raise BadInstruction(f"{key} cannot be {value!r}.")
    return given


def matching(pattern: str) -> Rule:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def seconds(value: Any) -> bool:
    return number(value) and 0 <= value <= MOST_SECONDS


def whole(least: int, most: int) -> Rule:
    return lambda value: isinstance(value, int) and number(value) and least <= value <= most


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def maybe(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)
