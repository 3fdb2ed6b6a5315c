"""One truth about when somebody is woken: the code's. The rules for Prometheus and the runbook follow it."""

import re
from pathlib import Path

import pytest

import config
from app.watching import catalogue, conditions
from app.watching.condition import PAGE, WARN, Condition, Least
from app.watching.reading import Reading

ROOT = Path(config.__file__).parent
RULES = (ROOT / "deploy/prometheus/malipo.rules.yml").read_text()
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
OUTSIDE = {"NotScraped": "absent(malipo_database_up)"}  # nobody inside can know it
BLOCK = re.compile(
    r"- alert: (?P<name>\w+)\n +expr: (?P<expr>.+)\n(?: +for: (?P<minutes>[0-9]+)m\n)?"
    r" +labels:\n +severity: (?P<severity>\w+)\n +annotations:\n +summary: >-\n.+\n"
    r" +runbook: docs/runbook.md#(?P<anchor>\w+)\n"
)
ALERTS = {found["name"]: found for found in BLOCK.finditer(RULES)}


def test_every_rule_is_read_by_this_test():
    assert len(ALERTS) == RULES.count("- alert:")


def test_each_condition_is_a_rule_with_the_same_threshold():
    written = {name: found["expr"] for name, found in ALERTS.items()}
    known = {name: condition.expression for name, condition in conditions.ALL.items()}
    assert written == known | OUTSIDE


@pytest.mark.parametrize("condition", conditions.ALL.values(), ids=lambda one: one.name)
def test_a_rule_waits_and_wakes_as_its_condition_does(condition):
    found = ALERTS[condition.name]
    assert int(found["minutes"] or 0) * 60 == condition.lasting.total_seconds()
    assert found["severity"] == condition.severity
    assert condition.severity in (WARN, PAGE)


@pytest.mark.parametrize("name", ALERTS)
def test_each_rule_has_a_paragraph_that_says_what_to_do(name):
    paragraph = re.search(rf"^## {name}\n\n(.+?)(?=\n## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert paragraph, name
    for part in ("It means", "The customer sees", "Now", "It is over when"):
        assert f"**{part}**" in paragraph[1], (name, part)
    assert ALERTS[name]["anchor"] == name.lower()


def test_the_runbook_has_no_paragraph_for_what_cannot_happen():
    assert set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == set(ALERTS)


def test_rules_name_only_metrics_that_are_given():
    named = set(re.findall(r"malipo_\w+", " ".join(found["expr"] for found in ALERTS.values())))
    assert named
    assert named <= set(catalogue.ALL)


@pytest.mark.parametrize("condition", conditions.ALL.values(), ids=lambda one: one.name)
def test_a_condition_chooses_by_labels_that_its_metric_has(condition):
    metrics = [condition.metric] + ([condition.least.metric] if condition.least else [])
    for metric in metrics:
        labels = catalogue.ALL[metric].labels
        assert set(condition.where) <= set(labels)
        assert condition.least is None or "merchant" in labels


LOW = Condition("X", PAGE, "{value:.0%}", "m", "<", 0.9, {"api": "push"}, Least("n", 30))


def found(ratio, count, api="push", merchant="duka"):
    labels = {"merchant": merchant, "api": api}
    return [Reading("m", ratio, labels), Reading("n", count, labels)]


@pytest.mark.parametrize(
    ("readings", "holds"),
    [
        (found(0.89, 30), True),
        (found(0.9, 30), False),
        (found(0.1, 29), False),
        (found(0.1, 30, api="query"), False),
        (found(0.1, 29) + found(1, 99, merchant="other"), False),
        ([], False),
    ],
)
def test_a_condition_holds_beyond_its_threshold_with_enough_attempts(readings, holds):
    assert bool(LOW.holds(readings)) is holds


def test_of_a_merchant_the_worst_reading_is_told():
    by_rule = [Reading("m", value, {"rule": f"{value}"}) for value in (1, 3, 2)]
    wrong = Condition("X", PAGE, "{value:.0f}", "m", ">", 0)
    assert [one.value for one in wrong.holds(by_rule)] == [3]
    [worst] = LOW.holds([*found(0.5, 30), *found(0.2, 30)])
    assert worst.value == 0.2
