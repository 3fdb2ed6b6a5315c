"""The list as a file."""

import csv
import tracemalloc
from collections import deque
from io import StringIO
from itertools import islice

import pytest

from app import merchants
from app.desk import export
from app.desk.filters import Filters
from app.extensions import db
from tests import factories
from tests.desk import history


def rows(**filters):
    text = "".join(export.lines(Filters(merchants.named("default").id, **filters)))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_line_says_what_the_list_says(app, plan):
    payment = history.named(history.paid(plan, 1), 'Wanjiru "Shiru", Kamau')
    history.failed(plan, 2, "wrong_pin")
    history.failed(factories.plan(factories.merchant()), 3)
    failed, paid = rows()
    assert paid["Customer"] == 'Wanjiru "Shiru", Kamau'
    assert paid["Phone"] == "0712\u00a0•••\u00a0001"
    assert (paid["KSh"], paid["Status"], paid["Receipt"]) == ("500", "Paid", "TKL4H7Q2MX")
    assert paid["Account"] == payment.invoice.reference
    assert (failed["Status"], failed["Cause"], failed["Receipt"]) == ("Failed", "Wrong PIN", "")


def test_filters_hold(app, plan):
    history.paid(plan, 1)
    history.failed(plan, 2)
    assert [row["Status"] for row in rows(tab="failed")] == ["Failed"]
    assert rows(amount=1) == []


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+254",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        ' =HYPERLINK("http://x")',
        "=cmd|' /C'!A0",
    ],
)
def test_a_formula_is_a_text(app, plan, name):
    history.named(history.failed(plan), name)
    [row] = rows()
    assert row["Customer"].startswith("'")


def test_an_ordinary_name_stays_as_it_is(app, plan):
    history.named(history.failed(plan), "Ng'ang'a wa-Thiong'o @home")
    assert rows()[0]["Customer"] == "Ng'ang'a wa-Thiong'o @home"


def test_batches_miss_and_repeat_nothing(app, plan, monkeypatch):
    monkeypatch.setattr(export, "AT_ONCE", 3)
    made = [history.failed(plan, n).id for n in range(8)]
    assert [int(row["Payment"]) for row in rows()] == made[::-1]


@pytest.mark.breaks_books
def test_memory_does_not_grow_with_the_list(app, monkeypatch):
    history.fill(4_000)
    monkeypatch.setattr(export, "AT_ONCE", 100)
    few, many = peak(islice(export.lines(Filters(1)), 4)), peak(export.lines(Filters(1)))
    assert many < 1.5 * few


def peak(lines):
    """The most memory that reading them took."""
    tracemalloc.start()
    deque(lines, maxlen=0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_no_transaction_waits_for_a_slow_reader(app, plan):
    for n in range(3):
        history.failed(plan, n)
    lines = export.lines(Filters(merchants.named("default").id))
    next(lines)
    next(lines)
    assert not db.session().in_transaction()
