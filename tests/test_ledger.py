"""Every shilling, twice; and what is written stays (M13)."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy import insert as bulk
from sqlalchemy.exc import DBAPIError

from app import clock, ledger, merchants
from app.extensions import db
from app.ledger import LedgerEntry

pytestmark = pytest.mark.breaks_books  # money here belongs to no receipt


@pytest.fixture
def merchant_id(app):
    return merchants.named("default").id


def entries():
    query = select(LedgerEntry.account, LedgerEntry.amount).order_by(LedgerEntry.id)
    return [tuple(row) for row in db.session.execute(query)]


def insert(merchant_id, *amounts, transfer=None):
    row = {"merchant_id": merchant_id, "transfer": transfer or uuid4(), "posted_at": clock.now()}
    rows = [row | {"account": "a", "amount": amount} for amount in amounts]
    db.session.execute(bulk(LedgerEntry).values(rows))


def test_a_transfer_is_written_with_both_its_sides(merchant_id):
    ledger.post(merchant_id, {ledger.mpesa("174379"): 500, ledger.RECEIVABLE: -500}, receipt_id=7)
    ledger.post(merchant_id, {ledger.RECEIVABLE: 500, ledger.INCOME: -500}, invoice_id=3)
    db.session.commit()
    assert entries() == [
        ("mpesa:174379", 500),
        ("receivable", -500),
        ("receivable", 500),
        ("income", -500),
    ]
    assert db.session.scalar(select(func.count(LedgerEntry.transfer.distinct()))) == 2


def test_nothing_is_not_written(merchant_id):
    ledger.post(merchant_id, {"mpesa:1": 20, ledger.balance(5): -20, ledger.INCOME: 0})
    db.session.commit()
    assert entries() == [("mpesa:1", 20), ("balance:5", -20)]


@pytest.mark.parametrize("amounts", [{"a": 500, "b": -499}, {"a": 1}, {"a": -1, "b": -1}])
def test_a_transfer_that_does_not_sum_to_zero_is_refused(merchant_id, amounts):
    with pytest.raises(DBAPIError, match="a transfer must sum to zero"):
        ledger.post(merchant_id, amounts)
    db.session.rollback()
    assert entries() == []


def test_each_transfer_of_a_statement_must_sum_to_zero(merchant_id):
    one, other = uuid4(), uuid4()
    rows = [(one, 5), (other, -5)]
    common = {"merchant_id": merchant_id, "account": "a", "posted_at": clock.now()}
    values = [common | {"transfer": transfer, "amount": amount} for transfer, amount in rows]
    with pytest.raises(DBAPIError, match="a transfer must sum to zero"):
        db.session.execute(bulk(LedgerEntry).values(values))
    db.session.rollback()


def test_nothing_is_added_to_a_transfer_afterwards(merchant_id):
    transfer = uuid4()
    insert(merchant_id, 5, -5, transfer=transfer)
    with pytest.raises(DBAPIError, match="a transfer must sum to zero"):
        insert(merchant_id, 5, transfer=transfer)
    db.session.rollback()


def test_an_entry_of_nothing_is_refused(merchant_id):
    with pytest.raises(DBAPIError, match="ck_ledger_entry_not_zero"):
        insert(merchant_id, 0, 0)
    db.session.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_entry set amount = -amount",
        "update ledger_entry set account = 'mine'",
        "delete from ledger_entry",
    ],
)
def test_the_database_refuses_to_change_an_entry(merchant_id, statement):
    ledger.post(merchant_id, {"a": 5, "b": -5})
    db.session.commit()
    with pytest.raises(DBAPIError, match="ledger_entry is append-only"):
        db.session.execute(text(statement))
    db.session.rollback()
    assert entries() == [("a", 5), ("b", -5)]
