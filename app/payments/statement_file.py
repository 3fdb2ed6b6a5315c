"""Read the CSV file of M-PESA's organisation portal (daraja.md §7). Of people nothing is kept (M14).

Above the table stand lines about the organisation; the columns come in any order. What cannot be
read is refused whole, with its line and column: half a statement would look like missing money.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO

from app import clock, msisdn
from app.clock import NAIROBI
from app.errors import BadPhone, Refused

FIRST = datetime(2007, 3, 6, tzinfo=NAIROBI)  # M-PESA began
LARGEST = 5 * 1024 * 1024  # bytes
LONGEST_REFERENCE, LONGEST_KIND = 20, 80
CODE = re.compile(r"[A-Z0-9]{8,12}", re.ASCII)
MONEY = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})(?:\.[0-9]{1,2})?", re.ASCII)
MOST = Decimal(10**10)
TIMES = ("%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M", "%Y-%m-%d %H:%M")
TIME = re.compile(r"[0-9]{2,4}-[0-9]{2}-[0-9]{2,4} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?", re.ASCII)
LONG_NUMBER = re.compile(r"[0-9](?:[ .()/+-]{0,2}[0-9]){8,}", re.ASCII)  # as people write phones
NEEDED = {
    "receiptno": "Receipt No.",
    "completiontime": "Completion Time",
    "transactionstatus": "Transaction Status",
    "paidin": "Paid In",
    "withdrawn": "Withdrawn",
}
COMPLETED = "completed"
NOT_A_STATEMENT = (
    "This is not M-PESA's organisation statement: no line has the columns Receipt No., "
    "Completion Time, Transaction Status, Paid In and Withdrawn. Export it as CSV and send it as it is."
)


@dataclass(frozen=True)
class Row:
    """A completed one. Times are Nairobi's, amounts may have cents."""

    code: str
    completed_at: datetime
    paid_in: Decimal
    withdrawn: Decimal
    reference: str | None
    kind: str
    linked_code: str | None


@dataclass(frozen=True)
class File:
    rows: list[Row]
    left_out: int  # rows that M-PESA has not completed
    first_at: datetime
    last_at: datetime
    shortcode: str | None


def read(content: bytes) -> File:
    """Raises Refused with a sentence."""
    if len(content) > LARGEST:
        raise Refused("The file is larger than 5 MB. Export a shorter time.")
    lines = csv.reader(StringIO(_text(content), newline=""))
    try:
        about, columns = _header(lines)
        numbered = ((lines.line_num, cells) for cells in lines)
        rows, left_out = _rows(numbered, columns)
    except csv.Error as error:
        raise Refused(f"Line {lines.line_num} is not CSV.") from error
    first_at, last_at = _range(about, rows)
    return File(rows, left_out, first_at, last_at, _shortcode(about))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")  # saved again by a spreadsheet: names only


def _header(lines: Iterable[list[str]]) -> tuple[list[str], dict[str, int]]:
    """The lines above the table, and where its columns are."""
    about: list[str] = []
    for cells in lines:
        columns = {re.sub("[^a-z]", "", cell.lower()): n for n, cell in enumerate(cells)}
        if "receiptno" in columns:
            return about, _checked(columns)
        about.append(" ".join(cells))
    raise Refused(NOT_A_STATEMENT)


def _checked(columns: dict[str, int]) -> dict[str, int]:
    if missing := [title for name, title in NEEDED.items() if name not in columns]:
        raise Refused(f"The table has no column {missing[0]}.")
    return columns


def printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()


class Line:
    """One line of the table, that can say where it cannot be read."""

    def __init__(self, number: int, cells: list[str], columns: Mapping[str, int]) -> None:
        self.number, self._cells, self._columns = number, cells, columns

    def text(self, column: str) -> str:
        at = self._columns.get(column, len(self._cells))
        return printable(self._cells[at]) if at < len(self._cells) else ""

    def wrong(self, column: str, why: str) -> Refused:
        return Refused(f"Line {self.number}, {NEEDED[column]}: {why}.")

    @property
    def is_empty(self) -> bool:
        """A blank one, or totals below the table."""
        return not self.text("receiptno") and not self.text("completiontime")

    def row(self) -> Row:
        code, linked = (self.text(name).upper() for name in ("receiptno", "linkedtransactionid"))
        if not CODE.fullmatch(code):
            raise self.wrong("receiptno", "not a receipt number")
        return Row(
            code=code,
            completed_at=self.time(),
            paid_in=self.money("paidin"),
            withdrawn=abs(self.money("withdrawn", negative=True)),
            reference=_reference(self.text("acno")),
            kind=masked(self.text("reasontype"))[:LONGEST_KIND],
            linked_code=linked if CODE.fullmatch(linked) else None,
        )

    def time(self) -> datetime:
        found = _time(self.text("completiontime"))
        if found is None:
            raise self.wrong("completiontime", "not a time like 21-11-2026 14:43:00")
        if found > clock.now() + timedelta(days=1):
            raise self.wrong("completiontime", "is in the future")
        return found

    def money(self, column: str, *, negative: bool = False) -> Decimal:
        text = self.text(column)
        if text in ("", "-"):
            return Decimal(0)
        known = MONEY.fullmatch(text) and (negative or not text.startswith("-"))
        amount = Decimal(text.replace(",", "")) if known else MOST
        if abs(amount) >= MOST:
            raise self.wrong(column, "not an amount like 1,499.00")
        return amount


def _rows(lines: Iterable[tuple[int, list[str]]], columns: dict[str, int]) -> tuple[list[Row], int]:
    rows, left_out = [], 0
    for number, cells in lines:
        line = Line(number, cells, columns)
        if line.is_empty:
            continue
        row = line.row()
        if line.text("transactionstatus").lower() == COMPLETED:
            rows.append(row)
        else:
            left_out += 1
    return rows, left_out


def _time(text: str) -> datetime | None:
    for form in TIMES:
        try:
            found = datetime.strptime(text, form).replace(tzinfo=NAIROBI)
        except ValueError:
            continue
        return found if found >= FIRST else None
    return None


def _reference(text: str) -> str | None:
    """What the payer typed as account number; people type their phone number there (M14)."""
    typed = " ".join(text.upper().split())[:LONGEST_REFERENCE]
    try:
        return msisdn.masked(msisdn.parse(typed))
    except BadPhone:
        return masked(typed) or None


def masked(text: str) -> str:
    """Whatever may be a phone number keeps its ends (M14)."""
    return LONG_NUMBER.sub(lambda found: _ends(re.sub("[^0-9]", "", found.group())), text)


def _ends(digits: str) -> str:
    return f"{digits[:4]}•••{digits[-3:]}"


def _range(about: list[str], rows: list[Row]) -> tuple[datetime, datetime]:
    """What the file covers: the period that it names, as far as it was over when it was made."""
    times = [row.completed_at for row in rows]
    named = [line for line in about if "period" in line.lower()]
    period = _times(named[0]) if named else []
    if len(period) == 2:  # noqa: PLR2004
        made = [clock.now()] + [
            t for line in about if "report" in line.lower() for t in _times(line)
        ]
        start, end = sorted(period)
        times += [start, max(start, min(end, *made))]
    if not times:
        raise Refused(
            "There are no transactions in the file, and no line says what time it covers."
        )
    return min(times), max(times)


def _times(line: str) -> list[datetime]:
    return [time for text in TIME.findall(line) if (time := _time(text)) is not None]


def _shortcode(about: list[str]) -> str | None:
    for line in about:
        if re.sub("[^a-z]", "", line.lower()).startswith("shortcode"):
            found = re.search(r"[0-9]{5,9}", line, re.ASCII)
            return found.group() if found else None
    return None
