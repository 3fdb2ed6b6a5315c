"""A table of figures, for a page and as a file for a spreadsheet."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from io import StringIO

from app.desk.export import BOM, FORMULA

Cell = str | int | float | date | None
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    title: str
    kind: str = "count"  # text, count, ksh, percent, seconds, period


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    columns: tuple[Column, ...]
    rows: list[Row]

    @property
    def empty(self) -> bool:
        """Nothing but zeros, beside the names of the rows."""
        return not any(
            cell for row in self.rows for cell in row if not isinstance(cell, str | date)
        )


def as_csv(table: Table) -> str:
    return BOM + lines([tuple(column.title for column in table.columns), *table.rows])


def lines(rows: Iterable[Row]) -> str:
    out = StringIO(newline="")
    csv.writer(out).writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: Cell) -> object:
    """Harmless: a text that a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell
    return round(cell, 1) if isinstance(cell, float) else cell
