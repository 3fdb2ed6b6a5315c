"""What Safaricom does and what we ask of it: callbacks, settlement, prompts, questions."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import cycle
from time import monotonic, sleep

import load
import meter
from hall import Hall
from people import MERCHANTS, Waiting
from report import Row, Sample, at_least
from stand import Stand

from app.jobs import bell

AGE = timedelta(seconds=15)
SHOPS = tuple(range(MERCHANTS + 1))
BACKLOG = 20_000


def callbacks(hall: Hall) -> list[Row]:
    """Distinct messages for payments that wait. Nobody settles them meanwhile: that is the next row."""
    each = round(hall.seconds * 1.25 * 5_000)
    floor, ours = [], []
    for _ in range(hall.rounds):
        people = hall.town.waiting(each, AGE, SHOPS)
        floor.append(hall.write_floor())
        ours.append(hall.eager("web", posts(people)))
    hall.connection.execute("truncate callback")
    return [
        at_least("callback accepted (stored, committed, 200)", ours, floor, 0.85, "× write floor"),
        Row("the write floor itself", 1.0, "× write floor", "", ok=True, samples=tuple(floor)),
    ]


def posts(people: list[Waiting]) -> Iterator[bytes]:
    for person in people:
        yield load.post(f"/hooks/v1/d/{person.hook}", person.callback(), "application/json")


def settlement(hall: Hall) -> list[Row]:
    """One worker drains a backlog; it is stopped while the floor is measured."""
    people = hall.town.waiting(BACKLOG, AGE, SHOPS)
    hall.town.keep_callbacks(people)
    hall.stand.start("worker")
    _ring(hall, people[0])
    floor, ours = [], []
    for _ in range(hall.rounds):
        ours.append(_settled_in(hall, hall.seconds * 1.5))
        _signal(hall.stand, signal.SIGSTOP)
        floor.append(hall.write_floor())
        _signal(hall.stand, signal.SIGCONT)
    hall.stand.stop("worker")
    _forget(hall)  # else the next row's scheduler asks about all of them
    hall.connection.execute("truncate callback")
    name = "settlement, one worker, backlog of 20,000"
    return [at_least(name, ours, floor, 0.35, "× write floor")]


def _ring(hall: Hall, person: Waiting) -> None:
    """A message twice: the hook rings, and the worker finds all the others."""
    address = hall.stand.address("web")
    load.eagerly(address, cycle(posts([person])), 0.1, people=1)
    while hall.number(f"select count(*) from ({SETTLED} limit 1) x") < 1:
        sleep(0.01)


SETTLED = "select 1 from callback where settled_at is not null"


def _settled_in(hall: Hall, seconds: float) -> Sample:
    def count() -> tuple[int, float, float, float]:
        done = hall.number("select count(*) from callback where settled_at is not null")
        cpu = [meter.cpu(hall.stand.pids(name)) for name in ("worker", "postgres")]
        return done, monotonic(), *cpu

    before = count()
    sleep(seconds)
    done, elapsed, worker, postgres = (b - a for a, b in zip(before, count(), strict=True))
    if not done:
        raise SystemExit("The worker settles nothing: see instance/bench/log/worker.log.")
    each = {"worker": worker * 1e6 / done, "postgres": postgres * 1e6 / done}
    return Sample(done / elapsed, **each)


def _signal(stand: Stand, number: signal.Signals) -> None:
    stand.running["worker"].send_signal(number)


DELAYS = """
    select count(*) n, percentile_cont(array[0.5, 0.99]) within group (order by
        1000 * extract(epoch from pg_xact_commit_timestamp(xmin) - received_at))
    from callback where settled_at is not null and outcome = 'paid'
"""


def end_to_end(hall: Hall, per_second: float = 50) -> list[Row]:
    """From the message's arrival in our process to the commit that makes its payment paid."""
    hall.stand.start_all("worker", "scheduler")
    seconds = max(4.0, 2 * hall.seconds)
    samples = []
    for _ in range(hall.rounds):
        people = hall.town.waiting(round(seconds * per_second * 1.2), AGE, SHOPS)
        hall.connection.execute("truncate callback")
        _ring(hall, people.pop())  # whoever is still starting has started when it is settled
        hall.connection.execute("truncate callback")
        address = hall.stand.address("web")
        messages = posts(people)
        act = partial(_until_settled, hall, address, messages, seconds, per_second)
        samples.append(_with_delays(hall, hall.observe("web", act)))
    hall.stand.stop("worker")
    hall.stand.stop("scheduler")
    _forget(hall)
    name = f"callback to paid, at {per_second:g}/s"
    row = Row(name, 0, "ms", "≤ 20 ms p50", ok=True, samples=tuple(samples))
    p50, p99 = row.middle("p50"), row.middle("p99")
    return [
        Row(f"{name}, p50", p50, "ms", "≤ 20 ms", p50 <= 20, tuple(samples)),  # noqa: PLR2004
        Row(f"{name}, p99", p99, "ms", "≤ 100 ms", p99 <= 100),  # noqa: PLR2004
    ]


def _until_settled(
    hall: Hall,
    address: tuple[str, int],
    messages: Iterator[bytes],
    seconds: float,
    per_second: float,
) -> load.Result:
    result = load.steadily(address, messages, seconds, per_second)
    deadline = monotonic() + seconds
    while hall.number(UNSETTLED) and monotonic() < deadline:
        sleep(0.1)
    return result


UNSETTLED = "select count(*) from callback where settled_at is null"


def _with_delays(hall: Hall, sample: Sample) -> Sample:
    row = hall.connection.execute(DELAYS).fetchone()
    if row is None or not row[0]:
        raise SystemExit("Nothing became paid: see instance/bench/log/worker.log.")
    p50, p99 = row[1]
    return Sample(sample.rate, p50, p99, sample.web, sample.worker, sample.postgres)


def prompts(hall: Hall, seconds: float = 12, per_second: float = 75) -> list[Row]:
    """Customers have pressed Pay, which is another row's; rings wake one worker, Safaricom answers
    each push after a second."""
    hall.stand.start("safaricom")
    hall.stand.start("worker")
    _ask_for_prompts(hall, 2, per_second)
    while not hall.number(SENT):
        _ask_for_prompts(hall, 0.1, per_second)
    _ask_for_prompts(hall, 2, per_second)  # as many are under way as will be
    before = hall.number(SENT), *_cpu(hall, "worker", "postgres"), monotonic()
    _ask_for_prompts(hall, seconds, per_second)
    after = hall.number(SENT), *_cpu(hall, "worker", "postgres"), monotonic()
    sent, worker, postgres, took = (b - a for a, b in zip(before, after, strict=True))
    hall.stand.stop("worker")
    _forget(hall)
    each = {"worker": worker * 1e6 / max(1, sent), "postgres": postgres * 1e6 / max(1, sent)}
    sample = Sample(sent / took, **each)
    name = "prompts sent, Daraja at 1 s, one worker"
    return [Row(name, sample.rate, "/s", "≥ 50 /s", sample.rate >= 50, (sample,))]  # noqa: PLR2004


SENT = "select count(*) from payment where status = 'pending' and accepted_at > now() - interval '5 min' and next_question_at < now() + interval '1 h'"


def _ask_for_prompts(hall: Hall, seconds: float, per_second: float, at_once: int = 3) -> None:
    began = monotonic()
    for n in range(round(seconds * per_second / at_once)):
        sleep(max(0.0, began + n * at_once / per_second - monotonic()))
        hall.town.unsent(at_once, SHOPS)
        bell.ring(bell.SEND)


def _cpu(hall: Hall, *names: str) -> list[float]:
    return [meter.cpu(hall.stand.pids(name)) for name in names]


def _forget(hall: Hall) -> None:
    hall.connection.execute(
        "update payment set status = 'failed', reason = 'not_sent', next_question_at = null,"
        " ended_at = now() where status in ('created', 'sending')"
    )
    hall.connection.execute("update payment set next_question_at = null")
    # Nobody answers for the people of earlier rows: a scheduler that sees them calls M-PESA sick.
    hall.connection.execute("delete from outage")


def questions(hall: Hall, seconds: float = 12, many: int = 2_000) -> list[Row]:
    """All are due at once; the scheduler opens its lanes for them. The simulator has no budget."""
    people = hall.town.waiting(many, timedelta(seconds=50), SHOPS)
    mine = [[person.payment_id for person in people]]
    hall.connection.execute("update payment set next_question_at = now() where id = any(%s)", mine)
    hall.stand.start_all("safaricom", "scheduler")
    asked = (
        f"select count(*) from payment where verified_by = 'query' and id >= {people[0].payment_id}"
    )
    while not hall.number(asked):
        sleep(0.05)
    sleep(1)
    before = hall.number(asked), *_cpu(hall, "scheduler", "postgres"), monotonic()
    sleep(seconds)
    after = hall.number(asked), *_cpu(hall, "scheduler", "postgres"), monotonic()
    done, worker, postgres, took = (b - a for a, b in zip(before, after, strict=True))
    rate = done / took
    hall.stand.stop("scheduler")
    _forget(hall)
    name = "questions answered, Daraja at 1 s, one process"
    each = {"worker": worker * 1e6 / max(1, done), "postgres": postgres * 1e6 / max(1, done)}
    sample = Sample(rate, **each)
    return [Row(name, rate, "/s", "≥ 50 /s", rate >= 50, (sample,))]  # noqa: PLR2004
