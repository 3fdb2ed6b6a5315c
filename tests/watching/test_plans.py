"""A look reads no table that grows with the business from end to end: asked of PostgreSQL itself."""

import pytest
from sqlalchemy import text

from app import clock
from app.extensions import db
from app.watching import lately, now
from tests.desk import history

GROWING = {"payment", "callback", "receipt", "ledger_entry", "audit_event", "invoice"}
FEW_BLOCKS = 3_000  # five hundred payments of a window, several times; the table has more


@pytest.fixture
def filled(app):
    history.fill(20_000)
    newest = "update payment set created_at = now() - id % 3600 * interval '1 s' where id % 4 = 0"
    db.session.execute(text(f"set local session_replication_role = replica; {newest}"))
    db.session.commit()
    for table in ("payment", "alert", "callback", "ledger_entry"):
        db.session.execute(text(f"analyze {table}"))
    db.session.commit()


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.breaks_books
def test_a_look_walks_along_indexes(filled):
    everything = " union all ".join(f"({query})" for query in (*now.ALL, *lately.ALL))
    statement = text(f"explain (analyze, buffers, timing off, format json) {everything}")
    [[found]] = db.session.execute(statement, {"now": clock.now()}).scalars()
    scanned = {
        node["Relation Name"]
        for node in nodes(found["Plan"])
        if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
    }
    assert scanned & GROWING <= {"callback", "ledger_entry"}  # empty here
    assert found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"] < FEW_BLOCKS
