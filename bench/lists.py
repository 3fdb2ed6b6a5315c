"""How long the lists of payments take over a million of them: each filter alone and the usual pairs.

    DATABASE_URL=postgresql://… (an empty database) … .venv/bin/python bench/lists.py [payments]

Migrates and fills the database where it is empty (bench/grow.py). Measures what a page costs on the
server: the list with its rows and the counts of its tabs, from the first page and from deep inside;
then whole requests, rendered and compressed. The same environment as for `flask run`.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1]))

import grow

import config
from app import create_app, merchants
from app.desk import failures, listing, search
from app.desk.cursor import Cursor
from app.desk.filters import Filters, Found
from app.extensions import db
from app.payments.models import Payment
from app.staff import sessions
from app.staff.accounts import create as hire

MINE = 1  # the merchant who has nine of ten
ROUNDS = 60
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Case:
    name: str
    filters: Callable[[], Filters]


def main() -> None:
    app = create_app(config.read(os.environ), migrations=True)
    with app.app_context():
        _fill(int(sys.argv[1]) if len(sys.argv) > 1 else 1_200_000)
        mine = db.session.scalar(text("select count(*) from payment where merchant_id = 1"))
        print(f"{mine:,} payments of one merchant; milliseconds, {ROUNDS} times each\n")
        print(f"{'':30} {'first page':>17} {'deep inside':>17} {'counts':>17}")
        print(f"{'':30} {'p50':>8} {'p95':>8} {'p50':>8} {'p95':>8} {'p50':>8} {'p95':>8}")
        for case in cases():
            print(f"{case.name:30} {' '.join(map(_shown, measure(case)))}", flush=True)
        _measure_failures()
        _measure_requests(app)


def _fill(payments: int) -> None:
    upgrade()
    if db.session.scalar(text("select 1 from payment limit 1")) is None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            grow.fill(connection, payments, grow.LISTED)


def cases() -> Iterator[Case]:
    newest = db.session.scalar(text("select max(created_at) from payment where merchant_id = 1"))
    week = {"since": newest - 150 * DAY, "until": newest - 143 * DAY}
    known: dict[str, dict[str, object]] = {
        "all": {},
        "status: paid": {"tab": "paid"},
        "status: failed": {"tab": "failed"},
        "status: unconfirmed (few)": {"tab": "unconfirmed"},
        "plan": {"plan_id": 3},
        "amount": {"amount": 1499},
        "reason": {"reason": "insufficient_funds"},
        "date": week,
        "status + date": {"tab": "failed", **week},
        "status + plan": {"tab": "paid", "plan_id": 1},
        "status + amount": {"tab": "paid", "amount": 1499},
        "plan + date": {"plan_id": 1, **week},
        "reason + date": {"reason": "expired", **week},
        "reason + plan": {"reason": "wrong_pin", "plan_id": 1},
        "plan + amount, never both": {"plan_id": 1, "amount": 1499},
        "status + plan + amount": {"tab": "paid", "plan_id": 1, "amount": 450},
    }
    for name, chosen in known.items():
        yield Case(name, lambda chosen=chosen: Filters(MINE, **chosen))
    yield from _searches()


def _searches() -> Iterator[Case]:
    """Another payment each time: nothing is warm but what is warm for everybody."""
    newest = db.session.scalar(text("select max(id) from payment")) or 0

    def any_one() -> Payment:
        found = db.session.scalar(
            db.select(Payment)
            .where(Payment.id > random.randrange(newest - 1_000), Payment.merchant_id == MINE)  # noqa: S311
            .order_by(Payment.id)
            .limit(1)
        )
        assert found is not None  # noqa: S101
        return found

    def by_name(letters: int = 100, tab: str = "") -> Filters:
        name = None
        while name is None:
            name = any_one().invoice.subscription.subscriber.name
        return Filters(MINE, tab, found=search.find(MINE, name[:letters]))

    def of_phone(tab: str = "") -> Filters:
        return Filters(MINE, tab, found=Found("", Payment.phone_index == any_one().phone_index))

    def by(typed: Callable[[Payment], str]) -> Filters:
        return Filters(MINE, found=search.find(MINE, typed(any_one())))

    yield Case("search: phone", of_phone)
    yield Case("search: phone + status", lambda: of_phone("failed"))
    yield Case("search: receipt", lambda: by(lambda one: f"B{one.id:09}"))
    yield Case("search: reference", lambda: by(lambda one: one.invoice.reference))
    yield Case("search: name", by_name)
    yield Case("search: name begins + status", lambda: by_name(10, "failed"))


def measure(case: Case, rounds: int = ROUNDS) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds, sorted: of the first page, of one deep inside, and of the counts of the tabs."""
    deep = Cursor(*_somewhere())
    return (
        times(lambda: listing.page(case.filters()), rounds),
        times(lambda: listing.page(case.filters(), deep), rounds),
        times(lambda: listing.counts(case.filters()), rounds),
    )


def _somewhere() -> tuple[object, int]:
    """Seven months back: most payments are newer."""
    query = (
        "select created_at, id from payment where merchant_id = 1 "
        "and created_at < now() - interval '7 months' order by created_at desc, id desc limit 1"
    )
    return db.session.execute(text(query)).one()


def _measure_failures() -> None:
    newest = db.session.scalar(text("select max(created_at) from payment where merchant_id = 1"))
    since = newest - 7 * DAY
    print(f"{'failed: causes of 7 days':30} {_shown(times(lambda: failures.causes(MINE, since)))}")
    print(f"{'failed: open ones':30} {_shown(times(lambda: failures.open_page(MINE)))}")


def _measure_requests(app: Flask) -> None:
    print("\nwhole requests, with session, tabs, 50 rows, gzip")
    client = signed_in(app)
    at = {"Accept-Encoding": "gzip"}
    for query in ("", "status=failed&days=30", "plan=standard&status=paid", "q=Wanjiru+A"):
        url = f"/admin/payments/?{query}"
        size = len(client.get(url, headers=at).get_data())
        print(
            f"{url:46} {_shown(times(lambda url=url: client.get(url, headers=at)))} {size:,} bytes"
        )


def signed_in(app: Flask) -> FlaskClient:
    """The default merchant's owner."""
    email = f"bench{random.random()}@example.co.ke"  # noqa: S311
    person = hire(merchants.named(merchants.DEFAULT), email, "owner", "four words for benches")
    _, token = sessions.begin(person, sessions.Place(None, "bench"))
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    return client


def times(act: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Milliseconds, sorted."""
    taken = []
    for _ in range(rounds):
        began = perf_counter()
        act()
        taken.append((perf_counter() - began) * 1_000)
        db.session.rollback()
    return sorted(taken)


def _shown(taken: list[float]) -> str:
    return f"{taken[len(taken) // 2]:8.1f} {taken[int(len(taken) * 0.95)]:8.1f}"


if __name__ == "__main__":
    main()
