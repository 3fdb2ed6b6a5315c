"""`flask check-books`: one line for each rule, exit code 1 when a row breaks one (planted rows:
tests/payments/test_books.py)."""

import pytest
from sqlalchemy import text

from app.extensions import db
from app.jobs import work
from app.payments import books
from tests import factories


def test_good_books_are_ok_line_by_line(plan, cli):
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.success(amount=700))
    work.settle_inbox()
    result = cli.invoke(args=["check-books"])
    assert result.exit_code == 0
    assert result.output.splitlines() == [f"{rule.name}: ok" for rule in books.RULES]


@pytest.mark.breaks_books
def test_all_that_is_wrong_is_told_at_once(plan, cli):
    _, hook = factories.pending(plan)
    factories.deliver(hook, factories.success())
    work.settle_inbox()
    db.session.execute(text("set local session_replication_role = replica"))
    db.session.execute(text("update payment set amount = 3, verified_by = null"))
    db.session.commit()
    result = cli.invoke(args=["check-books"])
    assert result.exit_code == 1
    wrong = [line for line in result.output.splitlines() if not line.endswith(": ok")]
    assert [line.split(": ")[0] for line in wrong] == ["M2 paid-has-evidence", "M4 amount-frozen"]
    assert wrong[0].startswith("M2 paid-has-evidence: 1  (a paid payment has a message that was")
