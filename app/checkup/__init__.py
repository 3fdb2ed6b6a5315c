"""Is a merchant ready for real money? What can be checked is checked; the rest says so.

`checklist(look(merchant))` reads rows and settings only. With `look(merchant, ask(client, …))` it has
also asked Safaricom and our own address, which takes seconds: never inside of a transaction.
"""

from app.checkup.check import BAD, OK, UNKNOWN, WARN, Check
from app.checkup.checks import ALWAYS
from app.checkup.live import Live, ask, proof
from app.checkup.live_checks import LIVE
from app.checkup.look import Look, look


def checklist(found: Look) -> list[Check]:
    checks = [check(found) for check in ALWAYS]
    if found.live is None:
        return checks + [Check(name, UNKNOWN, "Not asked yet.") for name in LIVE]
    return checks + [check(found.live) for check in LIVE.values()]


__all__ = [
    "BAD",
    "OK",
    "UNKNOWN",
    "WARN",
    "Check",
    "Live",
    "Look",
    "ask",
    "checklist",
    "look",
    "proof",
]
