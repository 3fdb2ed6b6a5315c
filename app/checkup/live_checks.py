"""The part of the checklist that the network answers."""

from collections.abc import Callable
from datetime import timedelta

from app.checkup.check import BAD, OK, UNKNOWN, WARN, Check
from app.checkup.live import Live
from app.daraja import Asking

SEEN, TOO_MUCH = timedelta(seconds=30), timedelta(minutes=5)  # of drift
OUTSIDE, CLOCK, ASKING = "Reached from outside", "Clock", "Asking about payments"


def own_address(live: Live) -> Check:
    name, seen = OUTSIDE, live.own_address
    if seen.status is None:
        return Check(
            name,
            BAD,
            f"Our own address does not answer: {seen.error}.",
            "See DNS, proxy, firewall.",
        )
    if not live.is_ours:
        return Check(
            name,
            BAD,
            f"Somebody else answers there (HTTP {seen.status}).",
            "See that PUBLIC_BASE_URL leads to this installation, without a redirect.",
        )
    return Check(name, OK, f"Answered in {seen.seconds * 1000:.0f} ms.")


def drift(live: Live) -> Check:
    name = CLOCK
    if live.drift is None:
        says = live.safaricom.error or "Safaricom did not tell the time"
        return Check(name, UNKNOWN, f"{says}.", "Try again.")
    seconds = live.drift.total_seconds()
    side = "ahead of" if seconds > 0 else "behind"
    says = f"{abs(seconds):.0f} s {side} Safaricom's."
    if abs(live.drift) <= SEEN:
        return Check(name, OK, "Right to half a minute.")
    state = BAD if abs(live.drift) > TOO_MUCH else WARN
    return Check(name, state, says, "Let the machine keep time (NTP).")


def asking(live: Live) -> Check:
    name, shown = ASKING, live.asking.shown
    texts = {
        Asking.ALLOWED: (OK, "Allowed.", ""),
        Asking.NOT_ALLOWED: (
            BAD,
            f"The app may not ask ({shown}).",
            "Add “Lipa na M-PESA” to the app on Daraja's portal.",
        ),
        Asking.WRONG: (
            BAD,
            f"Number and passkey do not fit ({shown}).",
            "Copy the passkey of this very number.",
        ),
        Asking.UNKNOWN: (UNKNOWN, f"No clear answer ({shown or 'nothing'}).", "Try again."),
    }
    return Check(name, *texts[live.asking.result])


LIVE: dict[str, Callable[[Live], Check]] = {
    OUTSIDE: own_address,
    CLOCK: drift,
    ASKING: asking,
}
