"""A new version is rolled out while this one sells: its migration runs first, and both must serve (ADR 19)."""

import ast
from pathlib import Path

import pytest
from flask_migrate import upgrade
from sqlalchemy import text

from app.cli.books import check_books
from app.extensions import db
from app.jobs import work
from tests import factories
from tests.test_migrations import empty, empty_url  # noqa: F401 - fixtures

VERSIONS = Path(__file__).parents[1] / "migrations/versions"
# What the next version may do to the tables in one step: whatever the code before it does not see.
EXPANDED = """
    alter table payment add column colour varchar;
    alter table subscriber add column friendly boolean not null default false;
    create table gift (id bigint generated always as identity primary key, payment_id bigint);
    create index ix_payment_colour on payment (colour);
    update alembic_version set version_num = 'a newer one'
"""
# Of the code before, each of these breaks some statement.
CONTRACTS = {"drop_column", "drop_table", "rename_table"}


def run(statement):
    db.session.execute(text(statement))
    db.session.commit()


def test_this_version_sells_and_is_ready_on_the_tables_of_the_next(empty):  # noqa: F811
    upgrade()
    client = empty.test_client()
    run(EXPANDED)
    assert client.get("/readyz").status_code == 200
    payment, hook = factories.pending(factories.plan())
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    assert factories.fresh(payment.id).status == "paid"
    assert empty.test_cli_runner().invoke(check_books).exit_code == 0
    run("update alembic_version set version_num = '0001'")
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("file", sorted(VERSIONS.glob("*.py")), ids=lambda file: file.stem)
def test_a_migration_takes_nothing_away_from_the_code_before_it(file):
    """Except in a release of its own, whose migration says since when no code uses it: CONTRACTS = "…"."""
    tree = ast.parse(file.read_text())
    says = [ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)]
    [up] = [node for node in tree.body if getattr(node, "name", "") == "upgrade"]
    taken = [call for call in ast.walk(up) if _takes(call)]
    assert not taken or "CONTRACTS" in says


def _takes(node):
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    renames = {"new_column_name", "new_table_name"} & {word.arg for word in node.keywords}
    return node.func.attr in CONTRACTS or bool(renames)
