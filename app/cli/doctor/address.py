"""Do our own address, Safaricom, and Safaricom's way to us work? Nothing is open while we wait."""

import secrets
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from app import checkup, clock
from app.checkup import BAD, OK, UNKNOWN, Check, Look, live, live_checks
from app.checkup import checks as offline
from app.daraja import Seen, probe
from app.extensions import db
from app.jobs import trying
from app.settings import settings

HOOKS = "Messages from outside"
ARRIVED = Check(HOOKS, OK, "A message to our own callback address came into the inbox.")
OPEN = "See that the proxy lets POST /hooks/v1/ through, whoever asks, and changes nothing."
A_MOMENT = timedelta(minutes=2)  # clocks of two machines differ


def checks(default: Look) -> list[Check]:
    ours = settings()
    found = checkup.ask(
        trying.client(default.credentials), ours.public_base_url, ours.mpesa_base_url
    )
    outside = live_checks.own_address(found)
    told = [check(default) for check in (offline.environment, offline.https, offline.words)]
    return [*told, outside, *_messages(outside), live_checks.drift(found)]


def _messages(outside: Check) -> list[Check]:
    if outside.state != OK:
        return [Check(HOOKS, UNKNOWN, "Not tried: our own address does not work.")]
    marker, since = secrets.token_hex(16), clock.now() - A_MOMENT
    seen = live.send_message(settings().public_base_url, marker)
    try:
        message = live.arrived(marker, since)
    except SQLAlchemyError:
        db.session.rollback()
        return [Check(HOOKS, UNKNOWN, "Not known: the database does not tell.")]
    return [_lost(seen)] if message is None else [ARRIVED, _address(message.address)]


def _lost(seen: Seen) -> Check:
    answer = f"HTTP {seen.status}" if seen.status else seen.error
    says = f"A message to our own callback address did not come into the inbox ({answer})."
    return Check(HOOKS, BAD, says, OPEN)


def _address(taken_for: str | None) -> Check:
    """It said that it came from elsewhere."""
    name = "Forged addresses"
    if taken_for == probe.NOBODYS_ADDRESS:
        says = "Whoever writes X-Forwarded-For is taken for whom they say."
        mend = "TRUSTED_PROXY_HOPS is more than there are proxies, or the proxy does not set the header."
        return Check(name, BAD, says, mend)
    return Check(name, OK, "They do not count.")
