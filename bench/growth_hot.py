"""What customers and Safaricom wait for, beside the floor of the same minutes."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter, process_time

import customers
import meter
import money
from hall import Hall
from report import Sample

from app.jobs import work

SETTLED = 2_000


def hot(hall: Hall) -> Iterator[tuple[str, str]]:
    for name in ("web", "floor"):
        hall.stand.start(name)
    for row in customers.polls(hall)[:2]:
        yield f"{row.path}: rate, CPU ÷ floor", _beside(row.samples, row.floor)
    yield "callback kept: rate, CPU ÷ floor", _callbacks(hall)
    yield from _settlement(hall)
    for name in ("web", "floor"):
        hall.stand.stop(name)


def _beside(ours: tuple[Sample, ...], floor: tuple[Sample, ...]) -> str:
    pairs = list(zip(ours, floor, strict=True))
    rate = median(a.rate / b.rate for a, b in pairs)
    cpu = median((a.web + a.postgres) / (b.web + b.postgres) for a, b in pairs)
    web, postgres = (median(getattr(a, name) for a in ours) for name in ("web", "postgres"))
    return f"{rate:.2f} ×, {cpu:.2f} × ({web:.0f} + {postgres:.0f} µs)"


def _callbacks(hall: Hall) -> str:
    floor, ours = [], []
    for _ in range(hall.rounds):
        people = hall.town.waiting(round(hall.seconds * 1.25 * 4_000), money.AGE, money.SHOPS)
        floor.append(hall.write_floor())
        ours.append(hall.eager("web", money.posts(people)))
    work.settle_inbox()
    return _beside(tuple(ours), tuple(floor))


def _settlement(hall: Hall) -> Iterator[tuple[str, str]]:
    """In this process, so that its CPU is known."""
    cpu, postgres, seconds = [], [], []
    for _ in range(hall.rounds):
        people = hall.town.waiting(SETTLED, money.AGE, money.SHOPS)
        hall.town.keep_callbacks(people)
        before = process_time(), meter.cpu(hall.stand.pids("postgres")), perf_counter()
        work.settle_inbox()
        after = process_time(), meter.cpu(hall.stand.pids("postgres")), perf_counter()
        used = [(b - a) * 1e6 / SETTLED for a, b in zip(before, after, strict=True)]
        for kept, one in zip((cpu, postgres, seconds), used, strict=True):
            kept.append(one)
    told = f"{median(cpu):.0f} + {median(postgres):.0f} µs"
    yield "settlement of one message: CPU of worker + PostgreSQL", told
    yield "settlement of one message: µs, one process", f"{median(seconds):.0f}"
