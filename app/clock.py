"""Time: aware UTC inside, Nairobi at the edges."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NAIROBI = ZoneInfo("Africa/Nairobi")


def now() -> datetime:
    return datetime.now(UTC)
