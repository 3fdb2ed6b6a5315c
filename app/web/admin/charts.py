"""Where the marks of a chart lie. Templates only draw them: admin/_charts.html.

Every number is an attribute of SVG: our Content-Security-Policy allows no style of an element.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

WIDE, NARROW, HEIGHT = 620, 360, 300
LEFT, NARROW_LEFT, TOP, BOTTOM = (
    58,
    40,
    12,
    26,
)  # room for the axis, above, and for the labels below
STEPS = (1, 2, 2.5, 5, 10)
MOST_LABELS = 14
GAP = 2  # between paid and failed: never by colour alone
WIDEST = 42
SPARK_WIDTH, SPARK_HEIGHT = 96, 28

Value = int | float | None


@dataclass(frozen=True)
class Mark:
    """One bar, or one part of it."""

    kind: str  # p, f
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """What stands at one place of the axis below."""

    label: str
    center: float
    title: str  # the whole story of it, for a pointer
    labelled: str  # where there is room for its label: always, wide (not on a phone), never
    marks: list[Mark]


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    left: int
    lines: list[tuple[float, str]]  # of the grid: where, and how much it stands for
    places: list[Place]

    @property
    def size(self) -> str:
        """Its class: a narrow one is never drawn much smaller than it is, nor are its letters."""
        return "wide" if self.width == WIDE else "narrow"


@dataclass(frozen=True)
class Column:
    """What is drawn at one place, from below: (kind, value)."""

    label: str
    title: str
    parts: Sequence[tuple[str, Value]]

    @property
    def sum(self) -> float:
        return sum(value or 0 for _, value in self.parts)


def columns(
    of: Sequence[Column], *, width: int = WIDE, top: float | None = None, unit: str = ""
) -> Chart:
    """Columns of parts, side by side. `top`: the axis ends there, whatever the values."""
    left = LEFT if width == WIDE else NARROW_LEFT
    axis = [0.0, top / 2, top] if top else _axis(max((one.sum for one in of), default=0))
    scale = _Scale(axis[-1])
    step = (width - left) / max(1, len(of))
    every = ceil(len(of) / MOST_LABELS)
    places = [
        Place(
            one.label,
            _round(left + (n + 0.5) * step),
            one.title,
            _labelled(len(of) - 1 - n, every),
            _marks(one, left + (n + 0.5) * step, min(WIDEST, step * 0.62), scale),
        )
        for n, one in enumerate(of)
    ]
    return Chart(width, HEIGHT, left, _grid(axis, scale, unit), places)


def _labelled(from_the_end: int, every: int) -> str:
    if from_the_end % every:
        return "never"
    return "wide" if from_the_end // every % 2 else "always"


@dataclass(frozen=True)
class _Scale:
    most: float

    def y(self, value: float) -> float:
        room = HEIGHT - TOP - BOTTOM
        return TOP + room * (1 - value / self.most)


def _marks(one: Column, center: float, width: float, scale: _Scale) -> list[Mark]:
    marks, below = [], 0.0
    for kind, value in one.parts:
        if not value:
            continue
        low, high = scale.y(below), scale.y(below + value)
        gap = GAP if below else 0
        height = max(1.0, low - high - gap)
        marks.append(
            Mark(kind, _round(center - width / 2), _round(high), _round(width), _round(height))
        )
        below += value
    return marks


def _grid(axis: list[float], scale: _Scale, unit: str) -> list[tuple[float, str]]:
    return [(_round(scale.y(value)), f"{value:,.10g}{unit}") for value in axis]


def _axis(most: float) -> list[float]:
    """Round numbers from 0 to beyond the most, not more than six. Things are counted: at least 1."""
    most = max(most, 1)
    rough = most / 5
    power = 10 ** (len(str(int(rough))) - 1) if rough >= 1 else 1
    step = max(1, next(power * one for one in STEPS if power * one >= rough))
    step = ceil(step)
    return [float(step * n) for n in range(ceil(most / step) + 1)]


def spark(values: Sequence[Value]) -> str:
    """The points of a line through them; where nothing is known, it goes straight on."""
    known = [(n, value) for n, value in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    across = (SPARK_WIDTH - 4) / (len(values) - 1)
    room = SPARK_HEIGHT - 6
    span = (high - low) or 1
    return " ".join(
        f"{_round(2 + n * across)},{_round(3 + room * (1 - (value - low) / span))}"
        for n, value in known
    )


@dataclass(frozen=True)
class Line:
    kind: str  # its class
    name: str
    points: str


@dataclass(frozen=True)
class Lines:
    chart: Chart
    lines: list[Line]
    cut: bool  # whether a line runs along the top, because its value is beyond it


def lines(
    labels: Sequence[str], series: Sequence[tuple[str, str, Sequence[Value]]], *, top: int
) -> Lines:
    """Several lines over the same places: (class, name, values). Beyond `top` nothing is drawn higher:
    one odd day would press all others flat.
    """
    most = max((value or 0 for _, _, values in series for value in values), default=0)
    axis = _axis(min(most, top))
    scale = _Scale(axis[-1])
    empty = [Column(label, label, ()) for label in labels]
    below = columns(empty)
    drawn = [
        Line(kind, name, _through(below.places, values, scale)) for kind, name, values in series
    ]
    grid = _grid(axis, scale, " s")
    return Lines(Chart(WIDE, HEIGHT, LEFT, grid, below.places), drawn, cut=most > axis[-1])


def _through(places: Sequence[Place], values: Sequence[Value], scale: _Scale) -> str:
    known = [
        (place.center, scale.y(min(value, scale.most)))
        for place, value in zip(places, values, strict=True)
        if value is not None
    ]
    if len(known) == 1:  # one day alone: a short stroke
        known = [(known[0][0] - 6, known[0][1]), (known[0][0] + 6, known[0][1])]
    return " ".join(f"{_round(x)},{_round(y)}" for x, y in known)


def _round(value: float) -> float:
    return round(value, 1)
