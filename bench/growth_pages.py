"""What staff look at: lists with each filter, whole pages, searches, and the figures of /metrics."""

from collections.abc import Callable, Iterator
from time import process_time

import lists
import meter
from hall import Hall

from app.desk import days
from app.jobs import readings, sweep

ROUNDS = 40
PAGES = {
    "overview": "",
    "payments": "payments/",
    "payments: failed, 30 days": "payments/?status=failed&days=30",
    "payments: plan and status": "payments/?plan=standard&status=paid",
    "payments: a name": "payments/?q=Wanjiru+A",
    "failed payments": "failed/",
    "reconciliation": "reconciliation/",
    "reconciliation report, 7 days": "reconciliation/report",
    "close of yesterday": "reconciliation/close/{yesterday}/",
    "disputes": "disputes/",
    "alerts": "alerts/",
    "analytics, 30 days": "analytics/",
    "analytics, 12 months": "analytics/?days=365",
    "subscriptions": "subscriptions/",
    "subscriptions: active": "subscriptions/?state=active",
    "subscriptions: lapsed": "subscriptions/?state=lapsed",
    "subscriptions: never paid": "subscriptions/?state=unpaid",
    "subscriptions: ending": "subscriptions/?state=ending",
    "subscriptions: cancelled": "subscriptions/?state=cancelled",
    "subscriptions of a plan, lapsed": "subscriptions/?plan=4&state=lapsed",
    "customers": "customers/",
    "customers: a name": "customers/?q=Wanjiru+A",
    "a customer": "customers/7",
    "plans": "plans/",
    "people": "people/",
    "audit log": "audit/",
    "audit log: one action": "audit/?action=payment.paid",
    "audit log: an action that is nowhere": "audit/?action=nothing",
    "audit log: a day": "audit/?from={yesterday}&to={yesterday}",
}


def lists_of_payments(hall: Hall) -> Iterator[tuple[str, str]]:
    worst = [0.0, 0.0, 0.0]
    for case in lists.cases():
        before = _cpu(hall)
        taken = lists.measure(case, ROUNDS)
        each = (_cpu(hall) - before) * 1_000 / (3 * ROUNDS)
        worst = [max(w, _p95(t)) for w, t in zip(worst, taken, strict=True)]
        told = " / ".join(f"{_p95(one):.1f}" for one in taken)
        yield f"list, {case.name}: p95 ms of first, deep, counts; CPU ms", f"{told}; {each:.1f}"
    yield "lists, the worst p95: first, deep, counts (ms)", " / ".join(f"{w:.1f}" for w in worst)


def pages(hall: Hall) -> Iterator[tuple[str, str]]:
    client = lists.signed_in(hall.app)
    for name, path in PAGES.items():
        url = f"/admin/{path.format(yesterday=days.today() - days.DAY)}"
        answer = client.get(url)
        if answer.status_code != 200:  # noqa: PLR2004
            raise SystemExit(f"{url}: {answer.status}")
        told = _timed(hall, lambda url=url: client.get(url).get_data())
        yield f"page, {name}: {HEAD}", told
    yield f"/metrics, the readings: {HEAD}", _timed(hall, readings.take)
    yield f"a sweep that finds nothing: {HEAD}", _timed(hall, sweep.sweep)


HEAD = "p50 / p95 ms; CPU ms of Python + PostgreSQL"


def _timed(hall: Hall, act: Callable[[], object]) -> str:
    python, postgres = process_time(), meter.cpu(hall.stand.pids("postgres"))
    taken = lists.times(act, ROUNDS)
    each = [
        (process_time() - python) * 1_000 / ROUNDS,
        (meter.cpu(hall.stand.pids("postgres")) - postgres) * 1_000 / ROUNDS,
    ]
    middle = taken[len(taken) // 2]
    return f"{middle:.1f} / {_p95(taken):.1f}; {each[0]:.1f} + {each[1]:.1f}"


def _p95(taken: list[float]) -> float:
    return taken[int(len(taken) * 0.95)]


def _cpu(hall: Hall) -> float:
    return process_time() + meter.cpu(hall.stand.pids("postgres"))
