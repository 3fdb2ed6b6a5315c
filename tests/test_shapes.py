"""Objects of bare rows: what a session would have loaded, and nothing behind anybody's back."""

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm.exc import DetachedInstanceError

from app import direct, many
from app.billing.models import Invoice, Plan, Subscription
from app.extensions import db
from app.payments.models import Payment
from app.shapes import Shape
from tests import factories


def rows(shape):
    statement = select(*shape.columns).order_by(shape.columns[0])
    return list(direct.of_session().exec_driver_sql(many.text(statement), {}))


def test_it_is_what_a_session_loads(plan):
    factories.pending(plan)
    for model in (Invoice, Subscription, Plan):
        shape = Shape(model)
        [made] = [shape.made(row) for row in rows(shape)]
        loaded = db.session.scalars(select(model)).one()
        assert {name: getattr(made, name) for name in shape.names} == {
            name: getattr(loaded, name) for name in shape.names
        }


def test_what_was_not_read_raises(plan):
    [made] = [
        Shape(Plan, only=("id", "price")).made(row)
        for row in rows(Shape(Plan, only=("id", "price")))
    ]
    assert made.price == plan.price
    for name in ("code", "merchant"):
        with pytest.raises(DetachedInstanceError):
            getattr(made, name)


def test_what_changes_is_known_and_no_session_has_it(plan):
    shape = Shape(Plan)
    [made] = [shape.made(row) for row in rows(shape)]
    made.price = 700
    assert set(shape.names) - inspect(made).unmodified == {"price"}
    assert made not in db.session
    assert not db.session.dirty


def test_what_an_outer_join_did_not_find_is_none():
    shape = Shape(Plan)
    assert shape.made([None] * len(shape.names)) is None


def test_what_only_sqlalchemy_can_read_is_refused():
    with pytest.raises(TypeError, match="token"):
        Shape(Payment)
