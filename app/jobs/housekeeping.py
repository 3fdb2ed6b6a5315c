"""What the leading scheduler does now and then, beside the sweep."""

from datetime import timedelta

from flask import Flask, current_app

from app import audit, clock
from app.checkup import connection
from app.clock import NAIROBI
from app.desk import chain, counting
from app.extensions import db
from app.jobs.lanes import Lanes
from app.jobs.retaining import Retaining
from app.logs import log
from app.payments import books, inbox
from app.staff import sessions
from app.watching import house

EVERY_HOUR = timedelta(hours=1)
EVERY_FIVE_MINUTES = timedelta(minutes=5)
NIGHT = 2  # o'clock in Nairobi: few people pay


class Housekeeping:
    """Its memory is the process's: after a restart it does things once more, which harms nothing."""

    def __init__(self) -> None:
        self._hourly_at = clock.now() - EVERY_HOUR
        self._counted_at = clock.now() - EVERY_FIVE_MINUTES
        self._retaining = Retaining()
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - as Flask's documentation has it
        self._books = Lanes(app, _books_checked, 1)
        self._nightly_on = clock.now().astimezone(NAIROBI).date() - timedelta(days=1)

    def do_what_is_due(self) -> None:
        now = clock.now()
        if now - self._hourly_at >= EVERY_HOUR:
            self._hourly_at = now
            hourly()
        if now - self._counted_at >= EVERY_FIVE_MINUTES and not count_days():
            self._counted_at = now
        local = now.astimezone(NAIROBI)
        if local.hour == NIGHT and local.date() > self._nightly_on:
            self._nightly_on = local.date()
            self._books.open()
            chain.begin_all()
            db.session.commit()
            self._retaining.begin()
        check_chains()
        self._retaining.step()

    def finish(self) -> None:
        """Waits for what goes on beside the sweep."""
        self._books.wait()


def hourly() -> None:
    """The chains' ends go to the log, where the database's owner cannot change them (C51)."""
    for head in audit.heads():
        log().info("audit head", merchant=head.merchant_id, seq=head.seq, hash=head.hash.hex())
    connection.note_proofs()
    purged, forgotten = inbox.purge_strays(), sessions.purge()
    db.session.commit()
    log().info("strays purged", count=purged)
    log().info("old staff sessions purged", count=forgotten)


def _books_checked() -> bool:
    """In a thread of its own: over millions of rows it takes minutes, and money waits for the sweep."""
    check_books()
    return False  # until somebody asks again


def check_books() -> bool:
    """Whether the books are right; what is wrong goes to the log as an error (M15)."""
    found = {rule.name: books.violations(rule) for rule in books.RULES}
    house.books_said({name: len(ids) for name, ids in found.items()})
    db.session.commit()
    wrong = {name: ids for name, ids in found.items() if ids}
    for name, ids in wrong.items():
        log().error("books are wrong", rule=name, ids=ids)
    if not wrong:
        log().info("books are right", rules=len(books.RULES))
    return not wrong


def count_days() -> bool:
    """The figures of days that are over. Whether more are left: the sweep does not wait for them."""
    more = False
    for merchant_id in counting.behind():
        more = counting.count(merchant_id) or more
        db.session.commit()
    return more


def check_chains() -> None:
    """One step of the check that the night began; a broken chain goes to the log as an error."""
    merchant_id = chain.going_on()
    if merchant_id is not None and not chain.step(merchant_id):
        wrong = chain.result(merchant_id)
        say = log().error if wrong else log().info
        say("audit chain checked", merchant=merchant_id, wrong=wrong)
    db.session.commit()
