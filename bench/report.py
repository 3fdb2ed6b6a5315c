"""What was measured, as a table for people and as JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run of one thing. CPU is in microseconds a request (or a payment)."""

    rate: float
    p50: float = 0.0
    p99: float = 0.0
    web: float = 0.0
    worker: float = 0.0
    postgres: float = 0.0


@dataclass(frozen=True)
class Row:
    path: str
    measured: float
    unit: str  # "× poll floor", "ms", "/s", "MB", "s"
    target: str
    ok: bool
    samples: tuple[Sample, ...] = ()
    floor: tuple[Sample, ...] = ()
    note: str = ""

    def middle(self, name: str) -> float:
        return median(getattr(sample, name) for sample in self.samples) if self.samples else 0.0


def at_least(
    path: str, samples: Sequence[Sample], floor: Sequence[Sample], least: float, unit: str
) -> Row:
    """The median of the rounds' own ratios: what disturbs a round disturbs both of it."""
    ratio = median(ours.rate / theirs.rate for ours, theirs in zip(samples, floor, strict=True))
    return Row(
        path, ratio, unit, f"≥ {least:g} {unit}", ratio >= least, tuple(samples), tuple(floor)
    )


HEAD = ("path", "measured", "target", "", "/s", "p50 ms", "p99 ms", "web", "worker", "pg")
WIDTHS = (52, 20, 22, 5, 9, 8, 8, 7, 7, 7)


def show(row: Row) -> None:
    figures = [row.middle(name) for name in ("rate", "p50", "p99", "web", "worker", "postgres")]
    shown = [f"{figure:,.{_digits(figure)}f}" if figure else "·" for figure in figures]
    told = (row.path, f"{row.measured:,.{_digits(row.measured)}f} {row.unit}", row.target)
    _line((*told, "ok" if row.ok else "short", *shown))
    if row.note:
        print(f"    {row.note}", flush=True)


def _digits(figure: float) -> int:
    return 0 if figure >= 100 else 1 if figure >= 10 else 2  # noqa: PLR2004


def head() -> None:
    print("CPU in microseconds for each request: web, worker, PostgreSQL\n")
    _line(HEAD)


def _line(cells: Sequence[str]) -> None:
    left = [f"{cell:<{width}}" for cell, width in zip(cells[:4], WIDTHS, strict=False)]
    right = [f"{cell:>{width}}" for cell, width in zip(cells[4:], WIDTHS[4:], strict=True)]
    print(" ".join(left + right).rstrip(), flush=True)


def write(rows: Sequence[Row], machine: dict[str, object], file: Path) -> None:
    said = {"machine": machine, "rows": [asdict(row) for row in rows]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
