"""Do our own address, Safaricom, and Safaricom's way to us work? Nothing is open while we wait."""

import secrets
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from app import checkup, clock
from app.checkup import BAD, OK, UNKNOWN, Check, Look, live, live_checks
from app.checkup import checks as offline
from app.daraja import Seen
from app.extensions import db
from app.jobs import trying
from app.settings import settings

HOOKS = "Messages from outside"
OPEN = "See that the proxy lets POST /hooks/v1/ through, whoever asks, and changes nothing."
A_MOMENT = timedelta(minutes=2)  # clocks of two machines differ


def checks(default: Look) -> list[Check]:
    ours = settings()
    found = checkup.ask(
        trying.client(default.credentials), ours.public_base_url, ours.mpesa_base_url
    )
    outside = live_checks.own_address(found)
    told = [check(default) for check in (offline.environment, offline.https, offline.words)]
    return [*told, outside, _messages(outside), live_checks.drift(found)]


def _messages(outside: Check) -> Check:
    if outside.state != OK:
        return Check(HOOKS, UNKNOWN, "Not tried: our own address does not work.")
    marker, since = secrets.token_hex(16), clock.now() - A_MOMENT
    seen = live.send_message(settings().public_base_url, marker)
    try:
        arrived = live.has_arrived(marker, since)
    except SQLAlchemyError:
        db.session.rollback()
        return Check(HOOKS, UNKNOWN, "Not known: the database does not tell.")
    return _told(seen, arrived=arrived)


def _told(seen: Seen, *, arrived: bool) -> Check:
    if arrived:
        return Check(HOOKS, OK, "A message to our own callback address came into the inbox.")
    answer = f"HTTP {seen.status}" if seen.status else seen.error
    says = f"A message to our own callback address did not come into the inbox ({answer})."
    return Check(HOOKS, BAD, says, OPEN)
