"""One pass over everything that is due, found by state and time. It needs neither Redis nor a ring."""

from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.jobs import renewals, spool, work
from app.logs import log
from app.payments import charging, gate, outages
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
    renewals.ask_some()
    send_due()
    ask_due()
    look()


def between_sweeps() -> None:
    """What should not wait: questions, and while M-PESA is sick or has just been, its prompts; and
    renewals, whose pace is even."""
    ask_due()
    renewals.ask_some()
    standing = gate.standing()
    db.session.rollback()
    if standing:
        look()
        send_due()


def look() -> None:
    """Whether an outage has begun or ended (ADR 17); the log tells whoever runs this."""
    facts = [
        (outage.closed_at, {"shortcode": outage.shortcode, "why": outage.closed_why or outage.why})
        for outage in outages.look()
    ]
    db.session.commit()
    for closed_at, said in facts:
        if closed_at is None:
            log().warning("outage opened", **said)
        else:
            log().info("outage closed", **said)


def send_due() -> None:
    if unsent := _how_many(Payment.status == CREATED):
        work.lanes("send").open(unsent)


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
