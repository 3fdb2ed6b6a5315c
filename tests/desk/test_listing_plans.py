"""No filter, and no pair of them, reads more of the table than it shows: asked of PostgreSQL itself."""

from datetime import timedelta
from itertools import combinations
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.desk import failures, listing, overview, search, tally
from app.desk.cursor import Cursor
from app.desk.filters import Filters, Found
from app.extensions import db
from app.payments.models import Payment
from tests.conftest import empty_database, let_go
from tests.desk import history

MINE, PAYMENTS = 1, 30_000
# Of 8 KB: a walk is three or four, a merged list has six walks. The table has some 700, its indexes more.
FEW_BLOCKS = 60


@pytest.fixture(scope="module")
def filled(wired_app):
    """Once for all of these, which only look."""
    with wired_app.app_context():
        empty_database()
        history.fill(PAYMENTS)
        db.session.remove()
        vacuum()
    yield
    with wired_app.app_context():
        empty_database()
        db.session.remove()


def vacuum():
    """Until every page is known to be visible. Of other databases nobody is waited for, however old their
    transactions are; what an earlier test left open in this one is ended.
    """
    others = "datname = current_database() and pid <> pg_backend_pid()"
    ended = text(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
    known = "select relallvisible = relpages from pg_class where relname = 'payment'"
    let_go()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("reindex table payment"))  # earlier tests leave many an empty page
        for _ in range(20):
            connection.execute(ended)
            # Dead entries of earlier tests are few: left to itself vacuum leaves them, and their pages.
            whole = "vacuum (analyze, disable_page_skipping, index_cleanup on) payment"
            connection.execute(text(whole))
            if connection.scalar(text(known)):
                return
            sleep(0.2)
    pytest.fail("somebody keeps a snapshot of this database")


@pytest.fixture(autouse=True)
def looking(wired_app, filled):
    with wired_app.app_context():
        yield
        db.session.remove()


NOW = clock.now()
CHOICES: dict[str, list[dict[str, Any]]] = {
    "status": [{"tab": tab} for tab in ("paid", "failed", "waiting", "unconfirmed")],
    "plan": [{"plan_id": 2}, {"plan_id": 3}],
    "amount": [{"amount": 250}, {"amount": 1499}],
    "reason": [{"reason": "expired"}, {"reason": "busy"}],
    "date": [{"since": NOW - timedelta(200), "until": NOW - timedelta(190)}],
}
ALONE = [choice for choices in CHOICES.values() for choice in choices]
PAIRS = [
    one | other
    for first, second in combinations(CHOICES, 2)
    for one in CHOICES[first]
    for other in CHOICES[second]
]
PLACES = {
    "first": None,
    "deep": Cursor(NOW - timedelta(300), 5_000),
    "back": Cursor(NOW - timedelta(300), 5_000, newer=True),
}


def explained(query):
    """The plan as it ran: its nodes, flat, the root first."""
    sql = query.compile(db.engine, compile_kwargs={"render_postcompile": True})
    statement = f"explain (analyze, buffers, timing off, format json) {sql}"
    [found] = db.session.connection().exec_driver_sql(statement, sql.params).scalars()
    return list(nodes(found[0]["Plan"]))


def nodes(node):
    yield node
    for inner in node.get("Plans", []):
        yield from nodes(inner)


def of_payments(plan):
    return [node for node in plan if node.get("Relation Name") == "payment"]


def wrong_with(query):
    """As a walk. Of a small table PostgreSQL may as well fetch some hundred rows and sort them; of a large
    one not.
    """
    db.session.execute(text("set local enable_bitmapscan = off"))
    db.session.execute(text("set local enable_sort = off"))
    plan = explained(query)
    found = wrong_with_scans(plan)
    if "Sort" in {node["Node Type"] for node in plan}:
        found.append("sorts")
    if (walked := sum(node["Actual Rows"] for node in of_payments(plan))) > 6 * (listing.SIZE + 1):
        found.append(f"walks {walked} rows")
    if blocks(plan) > FEW_BLOCKS:
        found.append(f"reads {blocks(plan)} blocks")
    return found


def wrong_with_scans(plan):
    kinds = {node["Node Type"] for node in of_payments(plan)} - {"Index Scan", "Index Only Scan"}
    thrown = sum(node.get("Rows Removed by Filter", 0) for node in of_payments(plan))
    return [*kinds, *([f"throws {thrown} rows away"] if thrown else [])]


def blocks(plan):
    return plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"]


def test_a_list_is_a_walk_along_an_index_whatever_is_chosen():
    wrong = []
    for chosen in ({}, *ALONE, *PAIRS):
        for place, cursor in PLACES.items():
            query = listing.keys_query(Filters(MINE, **chosen), cursor, listing.SIZE + 1)
            if query is None:  # a reason, and a status that has none
                assert {"reason", "tab"} <= set(chosen)
                continue
            wrong += [(chosen, place, what) for what in wrong_with(query)]
    assert wrong == []


def test_what_is_common_alone_and_never_together_is_as_quick():
    """Half the payments are of the plan, a quarter of that amount: of both there is none."""
    both = {"plan_id": 2, "amount": 1499}
    for chosen in (both, both | {"tab": "paid"}):
        query = listing.keys_query(Filters(MINE, **chosen), None, listing.SIZE + 1)
        assert query is not None
        assert wrong_with(query) == []
        assert sum(node["Actual Rows"] for node in of_payments(explained(query))) == 0


def test_counting_reads_as_many_entries_as_it_counts():
    db.session.execute(text("set local enable_bitmapscan = off"))
    wrong = []
    for chosen in ({}, *ALONE, *PAIRS):
        plan = explained(listing.counts_query(Filters(MINE, **chosen)))
        most = max(node["Actual Rows"] for node in of_payments(plan))
        found = wrong_with_scans(plan) + ([f"counts {most}"] if most > listing.MOST + 1 else [])
        wrong += [(chosen, what) for what in found]
    assert wrong == []


SEARCHES = {
    "phone": lambda: Found("", Payment.phone_index == phone_of(4_000)),
    "reference": lambda: search.find(MINE, "B-2000-3"),
    "token": lambda: Found("", Payment.id == 4_000),
    "name": lambda: search.find(MINE, "Wanjiru A"),
}


def phone_of(payment_id):
    return db.session.get_one(Payment, payment_id).phone_index


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_starts_from_what_was_found(kind):
    for tab in ("", "failed"):
        filters = Filters(MINE, tab, found=SEARCHES[kind]())
        assert filters.found is not None
        assert not filters.found.nothing
        plan = explained(listing.keys_query(filters, None, listing.SIZE + 1))
        assert "Seq Scan" not in {node["Node Type"] for node in of_payments(plan)}
        # Of a hundred people there may be some hundred payments; each is some steps away.
        assert blocks(plan) <= (FEW_BLOCKS if kind != "name" else 5_000)


def test_looking_a_name_up_is_a_walk_along_an_index():
    names = db.session.execute(
        text(
            "explain select id from subscriber where merchant_id = 1 and lower(name) like 'wanjiru a%'"
        )
    )
    assert "ix_subscriber_name" in " ".join(line for (line,) in names)


def test_open_failures_are_found_along_the_index():
    newest = failures._newest(MINE, NOW - timedelta(30), None, failures.MOST_SEARCHED)  # noqa: SLF001
    plan = explained(failures._still_open(newest).limit(listing.SIZE + 1))  # noqa: SLF001
    assert {node["Node Type"] for node in of_payments(plan)} <= {
        "Index Scan",
        "Index Only Scan",
        "Bitmap Heap Scan",
    }


@pytest.mark.parametrize("kinds", [tally.KINDS, overview.KINDS])
def test_a_day_is_counted_from_its_own_payments(kinds):
    """Whatever PostgreSQL thinks of how many there are: no other row of theirs is looked for but by its key."""
    for other_way in ("seqscan", "bitmapscan"):
        db.session.execute(text(f"set local enable_{other_way} = off"))
    counted = text(f"explain (format json) {tally.fresh(kinds)}")
    today = tally.between(MINE, NOW.date(), NOW.date())
    [plan] = db.session.scalar(counted, today)
    by_key = {"receipt", "callback", "payment"}  # of events only the few late successes are read
    read = [node for node in nodes(plan["Plan"]) if node.get("Relation Name") in by_key]
    assert {node["Relation Name"] for node in read} >= {"receipt", "payment"}
    assert [node for node in read if "Index Cond" not in node] == []
