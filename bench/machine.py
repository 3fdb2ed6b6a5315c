"""What it takes to be there: memory, and the time until something answers; and a month's invoices."""

from datetime import timedelta
from statistics import median
from time import perf_counter, process_time, sleep

import meter
import money
from hall import Hall
from people import MERCHANTS
from report import Row, Sample
from sqlalchemy import select
from stand import FLASK, command_seconds

from app.extensions import db
from app.jobs import renewals as renewing
from app.merchants import Merchant

RENEWED = 10_000
QUEUED = "select count(*) from renewal"
LEFT = """select (select count(*) from callback where settled_at is null)
    + (select count(*) from (values (1)) x where not exists (select from beat))"""


def memory(hall: Hall) -> list[Row]:
    """After all the work that this run gave them."""
    names = ("web", "worker", "scheduler")
    started = [name for name in names if name not in hall.stand.running]
    for name in started:
        hall.stand.start(name)
    _at_work(hall)
    each = {name: meter.pss(hall.stand.pids(name)) for name in names}
    for name in started:
        hall.stand.stop(name)
    total = sum(each.values())
    told = ", ".join(f"{name} {size:.0f} MB" for name, size in each.items())
    path = "web (2 processes) + worker + scheduler, PSS"
    return [Row(path, total, "MB", "≤ 400 MB", total <= 400, note=told)]  # noqa: PLR2004


def _at_work(hall: Hall, patience: float = 60) -> None:
    """Until the worker has settled what came in, and the scheduler has swept."""
    people = hall.town.waiting(round(hall.seconds * 1.25 * 5_000), timedelta(seconds=15))
    hall.eager("web", money.posts(people))
    until = perf_counter() + patience
    while hall.number(LEFT) and perf_counter() < until:
        sleep(0.1)
    if hall.number(LEFT):
        raise SystemExit("Nobody settles, or nobody sweeps: see instance/bench/log.")


def starts(hall: Hall) -> list[Row]:
    web, told = [], []
    argv = (*FLASK, "--help")
    for _ in range(max(5, hall.rounds)):
        hall.stand.stop("web")
        web.append(hall.stand.start("web"))
        told.append(command_seconds(argv, hall.stand.environment))
    cold, told_in = median(web), median(told)
    return [
        Row("cold start of web to ready", cold, "s", "≤ 2 s", cold <= 2),  # noqa: PLR2004
        Row("flask --help", told_in, "s", "≤ 0.8 s", told_in <= 0.8),  # noqa: PLR2004
    ]


def renewals(hall: Hall) -> list[Row]:
    """Everybody's month is over on one day: what `flask renew` does then, from end to end."""
    with hall.app.app_context():
        people = hall.town.waiting(RENEWED, timedelta(days=31), tuple(range(1, MERCHANTS + 1)))
        _lapse(hall, [person.payment_id for person in people])
        before = hall.number(QUEUED), process_time(), meter.cpu(hall.stand.pids("postgres"))
        began = perf_counter()
        for merchant in db.session.scalars(select(Merchant).order_by(Merchant.id)).all():
            for _ in renewing.open_all(merchant, days=1):
                pass
        total = perf_counter() - began
        db.session.remove()  # its connection's server process has counted when it ends
        after = hall.number(QUEUED), process_time(), meter.cpu(hall.stand.pids("postgres"))
    done, ours, postgres = (b - a for a, b in zip(before, after, strict=True))
    if done != RENEWED:
        raise SystemExit(f"{done} were queued, {RENEWED} are due.")
    each = {"worker": ours * 1e6 / done, "postgres": postgres * 1e6 / done}
    path = "renewal run: 10,000 invoices and prompts queued"
    sample = Sample(done / total, **each)
    return [Row(path, total, "s", "≤ 30 s", total <= 30, (sample,))]  # noqa: PLR2004


def _lapse(hall: Hall, payments: list[int]) -> None:
    """Their paid time ends now, and nothing is open."""
    hall.connection.execute(
        "with p as (update payment set status = 'failed', reason = 'cancelled', ended_at = now(),"
        " next_question_at = null where id = any(%s) returning invoice_id),"
        " i as (update invoice set voided_at = now() from p where id = p.invoice_id"
        " returning subscription_id)"
        " update subscription set paid_through = now(), anchor_day = 1 from i"
        " where id = i.subscription_id",
        [payments],
    )
    hall.connection.execute("analyze payment, invoice, subscription")
