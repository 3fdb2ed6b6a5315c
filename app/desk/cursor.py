"""Where a page of a list begins: the payment beside it, not a number of pages.

Whatever is added meanwhile, nothing is seen twice or missed, and every page costs the same.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.errors import Refused

# 16 digits of microseconds: until the year 2286.
TEXT = re.compile(r"([0-9]{1,16})-([0-9]{1,18})", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """The payment that is beside the page, and on which side the page is."""

    at: datetime
    id: int
    newer: bool = False

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // MICROSECOND}-{self.id}"


def read(text: str, *, newer: bool) -> Cursor:
    """Raises Refused."""
    found = TEXT.fullmatch(text)
    if found is None:
        raise Refused("This link to a page of the list is not whole. Start from the newest again.")
    return Cursor(EPOCH + int(found[1]) * MICROSECOND, int(found[2]), newer)
