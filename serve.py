"""Granian, which has the application before it forks (ADR 25): it is imported once, and its processes share it.

python serve.py --interface wsgi --workers 2 … wsgi:app        # granian's own words
"""

import multiprocessing
from importlib import import_module

from granian.cli import entrypoint


def prepare() -> None:
    """One thread, and no connection: a process that is forked would have half of either."""
    import_module("wsgi")  # which freezes what it makes: no process copies it to look through it
    multiprocessing.set_start_method("fork")  # granian asks for it; Python 3.14 has another one


if __name__ == "__main__":
    prepare()
    entrypoint()  # type: ignore[no-untyped-call]
