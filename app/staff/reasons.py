"""The reason that whoever takes something away has to give; it goes to the audit log."""

import re

from app.errors import Refused
from app.staff.sessions import printable

SHORTEST, LONGEST = 3, 200
# The log holds no person (audit.py), and whoever writes in a hurry forgets.
PERSONAL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|(?:\+?254|0)[ -]?[17](?:[ -]?[0-9]){8}", re.ASCII)


def checked(text: str) -> str:
    """Raises Refused."""
    reason = printable(" ".join(text.split()))
    if len(reason) < SHORTEST:
        raise Refused("Give a reason.")
    if PERSONAL.search(reason):
        raise Refused(
            "Leave phone numbers and e-mail addresses out of the reason: it is kept for good."
        )
    return reason[:LONGEST]
