"""`make bench`: every row of the table, each beside its floor. Under ten minutes.

    make bench                          # all rows
    make bench ROWS="polls callbacks"   # some; ROUNDS=3 SECONDS=1 for a quick look

Each measurement runs in rounds, in each of them once beside its floor; what is held against the
target is the median of the rounds' ratios. Nothing has to be there: own PostgreSQL (durable), own
Valkey, granian, worker, scheduler, and a Safaricom that takes a second to answer.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1]))

import customers
import machine
import money
import report
from hall import Hall
from people import Town
from stand import INSTANCE, POSTGRES, Stand

import config
from app import create_app

Measure = Callable[[Hall], list[report.Row]]
MEASURES: dict[str, Measure] = {
    "starts": machine.starts,
    "polls": customers.polls,
    "crowd": customers.crowd,  # before others leave payments that wait for ever: they count as waiting
    "callbacks": money.callbacks,
    "settlement": money.settlement,
    "delays": money.end_to_end,
    "checkout": customers.checkout,
    "prompts": money.prompts,
    "questions": money.questions,
    "renewals": machine.renewals,
    "memory": machine.memory,
}


def main() -> int:
    chosen = _chosen()
    began = monotonic()
    rows: list[report.Row] = []
    with ExitStack() as stack:
        hall = _open(stack, chosen)
        report.head()
        for name in chosen.rows:
            with hall.app.app_context():
                for row in MEASURES[name](hall):
                    rows.append(row)
                    report.show(row)
    facts = {"cores": os.cpu_count(), "python": platform.python_version(), "postgres": POSTGRES}
    report.write(rows, {**facts, "rounds": chosen.rounds, "seconds": chosen.seconds}, chosen.out)
    short = [row.path for row in rows if not row.ok]
    print(f"\n{monotonic() - began:.0f} s; {len(short)} short; {chosen.out}")
    return 0


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What it costs, beside a floor.")
    parser.add_argument("rows", nargs="*", default=list(MEASURES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--out", type=Path, default=INSTANCE / "bench.json")
    chosen = parser.parse_args()
    if unknown := set(chosen.rows) - set(MEASURES):
        parser.error(f"no row {', '.join(sorted(unknown))}: there are {', '.join(MEASURES)}")
    return chosen


def _open(stack: ExitStack, chosen: argparse.Namespace) -> Hall:
    stand = Stand()
    stand.open(stack)
    connection = stack.enter_context(stand.connect())
    app = create_app(config.read(stand.environment))
    hall = Hall(stand, app, connection, Town(connection), chosen.rounds, chosen.seconds)
    for name in ("web", "floor"):
        stand.start(name)
    return hall


if __name__ == "__main__":
    sys.exit(main())
