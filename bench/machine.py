"""What it takes to be there: memory, and the time until something answers; and a month's invoices."""

from datetime import timedelta
from statistics import median
from time import perf_counter, sleep

import meter
import money
from hall import Hall
from people import MERCHANTS
from report import Row, Sample
from sqlalchemy import select
from stand import FLASK, command_seconds

from app.billing.models import Subscription
from app.clock import now
from app.extensions import db
from app.payments import by_staff

RENEWED = 10_000
TRIED = 2_000
AT_ONCE = 50
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
    """There is no renewal run yet. What one will call: staff's "ask for the next period", 50 a commit."""
    with hall.app.app_context():
        shops = tuple(range(1, MERCHANTS + 1))
        people = hall.town.waiting(TRIED, now() - now().replace(month=1), shops)
        _lapse(hall, [person.payment_id for person in people])
        began = perf_counter()
        _ask_all([person.payment_id for person in people])
        each = (perf_counter() - began) / TRIED
    total = each * RENEWED
    note = f"no renewal run is built yet: {TRIED:,} × by_staff.ask, {AT_ONCE} a commit, × {RENEWED // TRIED}"
    path = "renewal run: 10,000 invoices and prompts queued"
    sample = Sample(1 / each)
    return [Row(path, total, "s", "≤ 30 s", total <= 30, (sample,), note=note)]  # noqa: PLR2004


def _lapse(hall: Hall, payments: list[int]) -> None:
    """Their prompts failed and their invoices are void: nothing is open."""
    hall.connection.execute(
        "with p as (update payment set status = 'failed', reason = 'cancelled', ended_at = now(),"
        " next_question_at = null where id = any(%s) returning invoice_id)"
        " update invoice set voided_at = now() where id in (select invoice_id from p)",
        [payments],
    )


def _ask_all(payments: list[int]) -> None:
    chosen = list(
        db.session.scalars(
            select(Subscription.id).where(
                Subscription.id.in_(
                    db.text(
                        "select i.subscription_id from payment p join invoice i on i.id = p.invoice_id"
                        " where p.id = any(:ids)"
                    ).bindparams(ids=payments)
                )
            )
        )
    )
    for start in range(0, len(chosen), AT_ONCE):
        for one in chosen[start : start + AT_ONCE]:
            subscription = db.session.get_one(Subscription, one)
            by_staff.ask(subscription, "renewals", f"renewal-{one}")
        db.session.commit()
