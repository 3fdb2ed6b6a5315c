"""docs/security.md answers every point of the list, with tests that exist; and points that code itself shows."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import config

ROOT = Path(config.__file__).parent
POINTS = [f"C{number:02}" for number in range(1, 56)]
ROW = re.compile(r"^\| (C[0-9]{2}) \| (.+?) \| (.*)\|$", re.MULTILINE)
TEST = re.compile(r"(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)")
EXCUSES = ("**Operator**", "**Does not apply**")
ROWS = ROW.findall((ROOT / "docs/security.md").read_text())
OURS = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))}


@cache
def named_in(path):
    file = ROOT / path
    tree = ast.parse(file.read_text()) if file.exists() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_point_is_answered_once():
    assert [number for number, _, _ in ROWS] == POINTS


@pytest.mark.parametrize("row", ROWS, ids=POINTS)
def test_a_point_names_tests_that_exist_or_says_what_to_do(row):
    number, says, proofs = row
    named = TEST.findall(proofs)
    assert named or any(excuse in says for excuse in EXCUSES), number
    assert TEST.sub("", proofs).strip(" ,") == ""
    assert [name for path, name in named if name not in named_in(path)] == []


def calls(name, of):
    return {
        path.relative_to(ROOT).as_posix()
        for path, tree in OURS.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == name
        if getattr(node.value, "id", "") == of
    }


def test_json_is_read_in_one_place():
    """C43. The pretend Safaricom hears only us, on this machine."""
    assert calls("loads", "json") == {"app/daraja/strict.py"}
    lax = calls("get_json", "request") | calls("json", "request") | calls("load", "json")
    assert {path for path in lax if not path.startswith("app/simulator/")} == set()


def test_no_template_is_made_of_a_text():
    """C29."""
    made = {"render_template_string", "from_string", "Template"}
    names = {
        f"{path.name}: {name}"
        for path, tree in OURS.items()
        for node in ast.walk(tree)
        if (name := getattr(node, "attr", getattr(node, "id", ""))) in made
    }
    assert names == set()


def test_browsers_keep_nothing_but_whether_they_may_sound():
    """C32."""
    scripts = [file for file in (ROOT / "app/static").glob("*.js") if file.name != "htmx.min.js"]
    kept = [
        use
        for file in scripts
        for use in re.findall(r"(?:localStorage|sessionStorage)\.?(\w*\(?'?\w*)", file.read_text())
    ]
    assert set(kept) == {"setItem('mute", "getItem('mute"}
