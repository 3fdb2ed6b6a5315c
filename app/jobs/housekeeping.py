"""What the leading scheduler does now and then, beside the sweep."""

from datetime import timedelta

from app import audit, clock
from app.clock import NAIROBI
from app.extensions import db
from app.logs import log
from app.payments import books, inbox

EVERY_HOUR = timedelta(hours=1)
NIGHT = 2  # o'clock in Nairobi: few people pay


class Housekeeping:
    """Its memory is the process's: after a restart it does things once more, which harms nothing."""

    def __init__(self) -> None:
        self._hourly_at = clock.now() - EVERY_HOUR
        self._nightly_on = clock.now().astimezone(NAIROBI).date() - timedelta(days=1)

    def do_what_is_due(self) -> None:
        now = clock.now()
        if now - self._hourly_at >= EVERY_HOUR:
            self._hourly_at = now
            hourly()
        local = now.astimezone(NAIROBI)
        if local.hour == NIGHT and local.date() > self._nightly_on:
            self._nightly_on = local.date()
            check_books()


def hourly() -> None:
    """The chains' ends go to the log, where the database's owner cannot change them (C51)."""
    for head in audit.heads():
        log().info("audit head", merchant=head.merchant_id, seq=head.seq, hash=head.hash.hex())
    purged = inbox.purge_strays()
    db.session.commit()
    log().info("strays purged", count=purged)


def check_books() -> bool:
    """Whether the books are right; what is wrong goes to the log as an error (M15)."""
    wrong = {rule.name: found for rule in books.RULES if (found := books.violations(rule))}
    for name, ids in wrong.items():
        log().error("books are wrong", rule=name, ids=ids)
    if not wrong:
        log().info("books are right", rules=len(books.RULES))
    return not wrong
