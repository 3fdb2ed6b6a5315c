"""A figure, as Prometheus shows it and as conditions compare it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from app import clock
from app.extensions import db

PATIENCE = "set local statement_timeout = '3s'"  # nobody looks on at the cost of payments


@dataclass(frozen=True)
class Reading:
    metric: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def merchant(self) -> str | None:
        return self.labels.get("merchant")


def read(queries: Iterable[str]) -> list[Reading]:
    """Each query answers metric, value and labels, and knows `:now`. All of them are one statement."""
    db.session.execute(text(PATIENCE))
    everything = " union all ".join(f"({query})" for query in queries)
    rows = db.session.execute(text(everything), {"now": clock.now()})
    return [Reading(metric, float(value), labels) for metric, value, labels in rows]
