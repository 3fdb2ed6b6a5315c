"""`make bench-growth`: what gets slower when the database grows, at each of several sizes.

    make bench-growth                               # 10 thousand, 1 million
    make bench-growth SIZES="10000 10000000"        # 10 million: half an hour, 50 GB
    make bench-growth SIZES=1000000 PARTS="pages"   # some parts only

Databases are filled once (bench/past.py) and kept in instance/bench/grown-*: remove them when done.
Milliseconds are what the server takes, p50 and p95 of some tens of tries. CPU of a poll, a callback and
a settlement is held against the floor of the same minutes, so that a busy machine disturbs little.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import growth_batches
import growth_hot
import growth_pages
from grown import Grown
from hall import Hall
from people import Town
from stand import INSTANCE

import config
from app import create_app

Figures = Iterator[tuple[str, str]]
# The books first: afterwards there are rows that other parts made.
PARTS: dict[str, Callable[[Hall], Figures]] = {
    "books": growth_batches.books_of,
    "figures": growth_batches.figures,
    "room": growth_batches.room,
    "lists": growth_pages.lists_of_payments,
    "pages": growth_pages.pages,
    "export": growth_batches.export_of,
    "hot": growth_hot.hot,
    "retention": growth_batches.retention_of,
    "indexes": growth_batches.indexes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 1_000_000])
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    chosen = parser.parse_args()
    file = INSTANCE / "growth.json"
    known: dict[str, dict[str, str]] = json.loads(file.read_text()) if file.exists() else {}
    for size in chosen.sizes:
        for name, value in _measure(size, chosen.parts):
            known.setdefault(name, {})[str(size)] = value
            file.write_text(json.dumps(known, indent=1, ensure_ascii=False))
    _show(known, sorted({size for values in known.values() for size in values}, key=int))


def _measure(size: int, parts: list[str]) -> Figures:
    print(f"\n{size:,} payments", flush=True)
    with ExitStack() as stack:
        stand = Grown(size)
        stand.open(stack)
        connection = stack.enter_context(stand.connect())
        app = create_app(config.read(stand.environment))
        hall = Hall(stand, app, connection, Town(connection), rounds=5, seconds=1.0)
        for part in parts:
            with app.app_context():
                for name, value in PARTS[part](hall):
                    print(f"{name:50} {value}", flush=True)
                    yield name, value


def _show(known: dict[str, dict[str, str]], sizes: list[str]) -> None:
    print("\n| | " + " | ".join(f"{int(size):,}" for size in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for name, values in known.items():
        print(f"| {name} | " + " | ".join(values.get(size, "") for size in sizes) + " |")


if __name__ == "__main__":
    main()
