"""A backlog does not slow a fresh payment, and drains."""

import pytest
from sqlalchemy import event, text

from app.extensions import db
from app.jobs import work
from app.payments import charging, inbox, reconciliation
from app.payments.models import Callback
from tests import factories

OLD = 5_000


@pytest.fixture
def backlog(plan):
    """So many old messages of a payment, none settled, and as many questions long due."""
    _, hook = factories.pending(plan)
    callback_id = factories.deliver(hook, b"{}")
    columns = "merchant_id, payment_id, body_sealed, received_at, tries"
    db.session.execute(
        text(
            f"insert into callback (uid, next_try_at, {columns}) select gen_random_uuid(),"
            f" next_try_at - n * interval '1 s', {columns} from callback, generate_series(1, {OLD}) n"
        )
    )
    db.session.execute(text("analyze"))
    db.session.commit()
    return callback_id


def test_a_fresh_message_is_settled_before_old_ones(plan, backlog):
    payment, hook = factories.pending(plan, phone="254722000000", checkout_id="ws_CO_2")
    factories.deliver(hook, factories.success(checkout_id="ws_CO_2"))
    work.settle_one()
    assert payment.status == "paid"


def test_every_fourth_message_is_the_oldest(plan, backlog):
    oldest = inbox.next_due(oldest=True).id
    db.session.rollback()
    newest = inbox.next_due().id
    db.session.rollback()
    assert newest == backlog
    assert oldest == db.session.scalar(text("select id from callback order by next_try_at limit 1"))
    assert db.session.get_one(Callback, oldest).settled_at is None


@pytest.mark.parametrize(
    ("claim", "index"),
    [
        (inbox.next_due, "ix_callback_due"),
        (charging.claim, "ix_payment_unsent"),
        (reconciliation.claim, "ix_payment_question"),
    ],
)
def test_what_is_due_is_found_by_an_index(plan, backlog, claim, index):
    seen = []
    listen = (db.engine, "before_cursor_execute", lambda *given: seen.append(given[2:4]))
    event.listen(*listen)
    claim()
    event.remove(*listen)
    statement, parameters = next(pair for pair in seen if "SKIP LOCKED" in pair[0])
    db.session.execute(text("set local enable_seqscan = off"))  # a small table needs no index
    # Nor the right one, where the rows of earlier tests have left it longer than another.
    db.session.execute(text(f"reindex index {index}"))
    rows = db.session.connection().exec_driver_sql(f"explain {statement}", parameters)
    assert index in str(rows.all())
    db.session.rollback()
