"""Each payment says which plan it is for: old ones, those of older code, and for good."""

import pytest
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.extensions import db
from tests import factories
from tests.test_migrations import empty, empty_url  # noqa: F401 - fixtures

OLD_CODE = """
insert into plan (merchant_id, code, name, price, unit, every, created_at)
  values (1, 'standard', 'Standard', 500, 'month', 1, now());
insert into subscriber (merchant_id, token, phone_index, phone_sealed, created_at)
  values (1, 's', '\\x01', '\\x01', now());
insert into subscription (merchant_id, token, subscriber_id, plan_id, created_at)
  values (1, 'u', 1, 1, now());
insert into invoice (merchant_id, subscription_id, reference, amount, created_at)
  values (1, 1, 'DU-1', 500, now());
"""
PAYMENT = """
insert into payment (merchant_id, invoice_id, token, method, amount, phone_index, phone_sealed, status,
    reason, created_at, question_rank, questions, hurries, rechecks)
  values (1, 1, :token, 'stk', 500, '\\x01', '\\x01', 'failed', 'cancelled', now(), 1, 0, 0, 0)
"""


def plans():
    with db.engine.connect() as connection:
        return connection.execute(text("select token, plan_id from payment order by id")).all()


def test_payments_from_before_and_of_older_code_have_theirs(empty):  # noqa: F811
    upgrade(revision="0004")
    with db.engine.begin() as connection:
        connection.execute(text(OLD_CODE))
        connection.execute(text(PAYMENT), {"token": "before"})
    upgrade(revision="0005")
    with db.engine.begin() as connection:
        connection.execute(text(PAYMENT), {"token": "older code"})
    assert plans() == [("before", 1), ("older code", 1)]
    upgrade()


def test_a_payment_has_its_plan_for_good(app, plan):
    payment = factories.bought(plan)
    other = factories.plan(code="other")
    assert payment.plan_id == plan.id
    payment.plan_id = other.id
    with pytest.raises(DBAPIError, match="plan_id is frozen"):
        db.session.commit()
    db.session.rollback()


def test_another_merchants_plan_is_refused(app, plan):
    theirs = factories.plan(factories.merchant())
    payment = factories.bought(plan)
    other = text("update payment set plan_id = :plan where id = :id")
    with pytest.raises(DBAPIError):
        db.session.execute(other, {"plan": theirs.id, "id": payment.id})
    db.session.rollback()
