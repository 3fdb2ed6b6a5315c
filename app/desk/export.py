"""A list of payments as a file for a spreadsheet, as long as it is."""

import csv
from collections.abc import Iterator
from io import StringIO

from app.clock import NAIROBI
from app.desk import listing, words
from app.desk.filters import Filters
from app.desk.rows import Row
from app.extensions import db

AT_ONCE = 1_000  # rows in memory
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # by which Excel knows UTF-8
# A cell that begins so is a formula to a spreadsheet: a name could send money or read files.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
HEADINGS = (
    "Time (Nairobi)",
    "Account",
    "Customer",
    "Phone",
    "Plan",
    "KSh",
    "Status",
    "Cause",
    "M-PESA code",
    "Receipt",
    "Seconds to pay",
    "Payment",
)


def lines(filters: Filters) -> Iterator[str]:
    """Batch by batch along the list's own index: no transaction waits for a slow reader."""
    yield BOM + _csv([HEADINGS])
    cursor, more = None, True
    while more:
        page = listing.page(filters, cursor, AT_ONCE)
        db.session.rollback()
        yield _csv([_cells(row) for row in page.rows])
        cursor, more = page.older, page.older is not None


def _cells(row: Row) -> tuple[object, ...]:
    return (
        f"{row.created_at.astimezone(NAIROBI):%Y-%m-%d %H:%M:%S}",
        _harmless(row.reference),
        _harmless(row.name),
        row.phone,
        _harmless(row.plan),
        row.amount,
        words.STATUSES[row.status],
        words.cause(row.reason),
        _harmless(row.code),
        _harmless(row.receipt),
        row.seconds,
        row.id,
    )


def _harmless(text: str | None) -> str:
    text = text or ""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _csv(rows: list[tuple[object, ...]]) -> str:
    out = StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()
