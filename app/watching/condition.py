"""A condition: which reading, compared how, and with how many attempts behind it."""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from app.watching.reading import Reading

WARN, PAGE = "warning", "page"  # in the morning; now
AT_ONCE, MINUTES = timedelta(0), timedelta(minutes=2)
COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
)


@dataclass(frozen=True)
class Least:
    """Few attempts prove nothing."""

    metric: str
    count: int


@dataclass(frozen=True)
class Condition:
    name: str
    severity: str
    says: str  # with {value}
    metric: str
    compare: str
    threshold: float
    where: Mapping[str, str] = field(default_factory=dict)
    least: Least | None = None
    lasting: timedelta = AT_ONCE  # so long before anybody is told

    @property
    def expression(self) -> str:
        """As Prometheus reads it."""
        chosen = ",".join(f'{name}="{value}"' for name, value in self.where.items())
        labels = f"{{{chosen}}}" if chosen else ""
        found = f"{self.metric}{labels} {self.compare} {self.threshold:g}"
        if self.least is None:
            return found
        shared = ", ".join(["merchant", *self.where])
        return f"{found} and on ({shared}) {self.least.metric}{labels} >= {self.least.count}"

    def holds(self, readings: Iterable[Reading]) -> list[Reading]:
        """The readings that want a person, the worst of each merchant."""
        known = list(readings)
        holds = COMPARE[self.compare]
        found = [
            one
            for one in known
            if self._is_mine(one, self.metric)
            and holds(one.value, self.threshold)
            and (self.least is None or self._enough(one, known, self.least))
        ]
        worst_last = sorted(found, key=lambda one: one.value, reverse=self.compare == "<")
        return list({one.merchant: one for one in worst_last}.values())

    def _is_mine(self, reading: Reading, metric: str) -> bool:
        chosen = all(reading.labels.get(name) == value for name, value in self.where.items())
        return reading.metric == metric and chosen

    def _enough(self, one: Reading, known: Iterable[Reading], least: Least) -> bool:
        counts = (
            other.value
            for other in known
            if self._is_mine(other, least.metric) and other.merchant == one.merchant
        )
        return any(count >= least.count for count in counts)

    def sentence(self, reading: Reading) -> str:
        return self.says.format(value=reading.value, minutes=reading.value / 60)
