"""What `/metrics` says, in Prometheus's words. Imported when it is asked for: web/metrics.py."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from sqlalchemy.exc import SQLAlchemyError

from app.checkup import migrations
from app.extensions import db
from app.jobs import readings
from app.logs import log
from app.watching import catalogue, totals
from app.watching.catalogue import COUNTER, HISTOGRAM
from app.watching.reading import Reading

TOTALS = {
    "malipo_pushes": totals.PUSHES,
    "malipo_answers": totals.ANSWERS,
    "malipo_questions": totals.QUESTIONS,
    "malipo_payments_ended": totals.ENDED,
    "malipo_token_refreshes": totals.REFRESHES,
    "malipo_limit_refusals": totals.REFUSALS,
}


def page() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Look())
    return generate_latest(registry)


class _Look:
    """What Prometheus's client calls a collector."""

    def collect(self) -> Iterator[Metric]:
        try:
            found, counted = readings.take(), totals.read()
        except SQLAlchemyError as error:
            log().warning("metrics without database", error=type(error).__name__)
            found, counted = readings.without_database(), {}
        db.session.rollback()
        code = Reading("malipo_code_info", 1, {"revision": migrations.known().head})
        yield from _gauges([*found, code])
        yield from _totals(counted)


def _gauges(found: Iterable[Reading]) -> Iterator[Metric]:
    by_name: dict[str, list[Reading]] = defaultdict(list)
    for one in found:
        by_name[one.metric].append(one)
    for name, metric in {**catalogue.GAUGES, **catalogue.OWN}.items():
        family = GaugeMetricFamily(name, metric.says, labels=metric.labels)
        for one in by_name[name]:
            family.add_metric([one.labels[label] for label in metric.labels], one.value)
        yield family


def _totals(counted: dict[totals.Key, int]) -> Iterator[Metric]:
    for name, metric in catalogue.TOTALS.items():
        if metric.kind == HISTOGRAM:
            yield _delays(name, metric.says, counted)
        elif metric.kind == COUNTER:
            family = CounterMetricFamily(name, metric.says, labels=metric.labels)
            mine = {label: n for (kind, label), n in counted.items() if kind == TOTALS[name]}
            if not metric.labels:
                mine = {"": mine.get("", 0)}
            for label, count in sorted(mine.items()):
                family.add_metric(label.split("|") if metric.labels else [], count)
            yield family


def _delays(name: str, says: str, counted: dict[totals.Key, int]) -> Metric:
    buckets, passed = [], 0
    for bound in [*map(str, totals.BOUNDS), "+Inf"]:
        passed += counted.get((totals.DELAY, bound), 0)
        buckets.append((bound, passed))
    seconds = counted.get((totals.DELAY_SUM, ""), 0) / 1000
    return HistogramMetricFamily(name, says, buckets=buckets, sum_value=seconds)
