import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from app import clock
from app.errors import Surprise
from app.extensions import db
from app.payments.models import Payment
from app.payments.states import TRANSITIONS, Status
from tests import factories

MOVES = [(a, b) for a in Status for b in Status if a != b]


def test_every_status_has_a_row():
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize(("before", "after"), MOVES)
def test_only_listed_moves_are_possible(app, before, after):
    payment = Payment(status=before, merchant_id=1)
    if after in TRANSITIONS[before]:
        assert payment.move_to(after, actor="test")
    else:
        with pytest.raises(Surprise):
            payment.move_to(after, actor="test")


@pytest.mark.parametrize("status", Status)
def test_a_repeat_is_not_an_error(status):
    assert not Payment(status=status).move_to(status, actor="test")


@pytest.mark.breaks_books
@pytest.mark.parametrize(("before", "after"), MOVES)
def test_the_database_holds_the_same_table(plan, before, after):
    """A hand in the database meets the same moves as our code."""
    factories.bought(plan)
    reason = "unknown" if before == "failed" else None
    force = text("alter table payment disable trigger payment_moves")
    db.session.execute(force)
    db.session.execute(update(Payment).values(status=before, reason=reason, paid_at=clock.now()))
    db.session.execute(text("alter table payment enable trigger payment_moves"))
    db.session.commit()
    reason = "unknown" if after == "failed" else None
    move = update(Payment).values(status=after, reason=reason)
    if after in TRANSITIONS[before]:
        db.session.execute(move)
    else:
        with pytest.raises(DBAPIError, match="does not become"):
            db.session.execute(move)
    db.session.rollback()
