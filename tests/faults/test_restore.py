"""The restore drill of docs/operations.md: payments, a backup, more payments, the database is lost."""

import hashlib
import json
import subprocess
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

import config
from app import clock, create_app, merchants
from app.extensions import db
from app.local import places
from app.payments import comparing, statements
from app.payments.models import Receipt
from app.payments.staff_models import Act, StatementLine
from tests.conftest import let_go
from tests.faults.clockwork import PAID
from tests.faults.patience import eventually
from tests.payments import by_hand

WAITS = {"outcome": "person", "prompt_delay": 0.1, "callback_delay": 0.1}
STATEMENT = "november.csv"
IS_PAID = "status = 'paid'"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def dumps(house):
    return house.top / "backups"


def test_after_a_restore_every_shilling_is_found_again(house, crowd, dumps):
    crowd.come(2, **PAID)
    [slow] = wanting(crowd, "yearly").come(1, **WAITS)
    paid(house, 2)
    eventually(lambda: house.count("payment", "status = 'pending'"), 30, "the slow one's prompt")
    dump = backup(house, dumps)
    house.safaricom.enter_pin(slow.phone)
    lost = wanting(crowd, "daily").come(2, **PAID)
    paid(house, 5)
    heads_in_the_log(house)
    lose_the_database(house)
    restore(house, dump)
    house.start("web", "worker", "scheduler")
    paid(house, 3)  # the slow one was in the backup: Safaricom was asked about it
    news_of_what_is_gone_is_refused(house, lost)
    shorter = house.flask("verify-audit", "--heads", str(house.logs / "scheduler.log"))
    assert (shorter.returncode, "events long, and event" in shorter.stdout) == (1, True)
    assert house.flask("verify-audit").returncode == 0
    with books(house):
        the_statement_finds_the_rest(house, {customer.phone for customer in lost})
    checked = house.flask("check-books")
    assert checked.returncode == 0, checked.stdout


class Wish:
    """Instead of luck. One amount for two kinds of payment would make their lines look alike."""

    def __init__(self, plan):
        self.choice = lambda _plans: plan


def wanting(crowd, plan):
    crowd.luck = Wish(plan)
    return crowd


def paid(house, count):
    eventually(lambda: house.count("payment", IS_PAID) == count, 60, f"{count} are paid")


def backup(house, dumps):
    """What the command leaves, and that it is what its checksum says."""
    done = house.flask("backup", str(dumps))
    assert done.returncode == 0, done.stderr
    assert "ENCRYPTION_KEYS and PHONE_INDEX_KEY are not in it" in done.stderr
    [dump] = dumps.glob("*.dump")
    digest, name = dump.with_suffix(".dump.sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(dump.read_bytes()).hexdigest(), dump.name)
    assert dump.stat().st_mode & 0o777 == 0o600
    return dump


def heads_in_the_log(house):
    """The scheduler writes them hourly, and at its start."""
    house.stop("scheduler")
    house.start("scheduler")
    log = house.logs / "scheduler.log"
    [(seq,)] = house.sql("select seq from audit_head where merchant_id = 1")
    told = lambda: any(head >= seq for head in heads(log.read_text()))  # noqa: E731
    eventually(told, 30, "today's heads in the log")


def heads(log):
    found = [json.loads(line) for line in log.splitlines() if '"audit head"' in line]
    return [head["seq"] for head in found if head["merchant"] == 1]


def lose_the_database(house):
    house.kill("web", "worker", "scheduler")
    with psycopg.connect(house.postgres.database("postgres"), autocommit=True) as server:
        server.execute("drop database malipo with (force)")
        server.execute("create database malipo")


def restore(house, dump):
    program = places.postgres_programs(house.postgres.owner) / "pg_restore"
    options = ("--exit-on-error", "--no-owner", "--no-privileges", "--single-transaction")
    subprocess.run(
        [program, *options, f"--dbname={house.postgres.url}", dump], check=True, timeout=60
    )


def news_of_what_is_gone_is_refused(house, lost):
    """Their tokens are not in the books any more: strangers' messages, kept for a day."""
    phones = {customer.phone for customer in lost}
    gone = [one for one in house.safaricom.payments() if one["phone"] in phones]
    before = house.count("callback", "payment_id is null")
    for payment in gone:
        house.safaricom.resend(payment)
    strays = lambda: house.count("callback", "payment_id is null") - before  # noqa: E731
    eventually(lambda: strays() == len(lost), 30, "news of what is gone")


@contextmanager
def books(house):
    """The same books, from in here."""
    app = create_app(config.read(house.environment))
    with app.app_context():
        yield
        db.session.remove()
        let_go()


def the_statement_finds_the_rest(house, lost):
    told = house.safaricom.paid()
    rows = [
        by_hand.row(one["code"], paid_in=f"{one['amount']}.00", account=one["account"])
        for one in told["receipts"]
    ]
    someone = by_hand.person("owner")
    merchant = merchants.named("default")
    statements.take_in(merchant, someone.id, STATEMENT, by_hand.csv(*rows))
    db.session.commit()
    report = comparing.compare(merchant, *today())
    assert {bucket: count for bucket, (count, _) in report.counts.items()} == {
        "matched": 2,
        "unnumbered": 1,  # known by a question, which tells no receipt number
        "theirs": len(lost),
    }
    for line in report.lines:
        act_on(line, someone)
    db.session.commit()
    now = comparing.compare(merchant, *today())
    assert (now.differences, now.counts) == (0, {"matched": (told["count"], told["total"])})


def today():
    day = clock.now()
    return day - timedelta(days=1), day + timedelta(days=1)


def act_on(found, someone):
    """As finance does it, with a button for each."""
    line = db.session.get_one(StatementLine, found.id)
    if found.bucket == comparing.THEIRS:
        assert statements.book(line, someone.id).code == found.code
    else:
        receipt = db.session.get_one(Receipt, found.unnumbered_id)
        statements.give_number(line, receipt, Act(someone.id, "restored", f"give-{line.id}"))
