"""One pass over everything that is due, found by state and time. It needs neither Redis nor a ring."""

from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.jobs import spool, work
from app.payments import charging
from app.payments.models import Payment
from app.payments.states import CREATED


def sweep() -> None:
    """Money first: what arrived, then new prompts, then old questions."""
    spool.take_in()
    work.settle_inbox()
    for give_up in (charging.give_up_unsent, charging.give_up_waiting):
        while give_up() >= charging.AT_ONCE:
            db.session.commit()
        db.session.commit()
    if unsent := _how_many(Payment.status == CREATED):
        work.lanes("send").open(unsent)
    ask_due()


def ask_due() -> None:
    if due := _how_many(Payment.next_question_at <= clock.now()):
        work.lanes("ask").open(due)


def _how_many(condition: object) -> int:
    """Up to as many as there are lanes: more would change nothing."""
    some = select(Payment.id).where(condition).limit(work.PROMPT_LANES).subquery()  # type: ignore[arg-type]
    count = db.session.scalar(select(func.count()).select_from(some)) or 0
    db.session.rollback()
    return count


def finish() -> None:
    """Waits until the lanes that a sweep opened have run out of work."""
    for name in ("send", "ask"):
        work.lanes(name).wait()
