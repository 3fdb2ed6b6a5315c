"""Granian, which has the application before it forks (ADR 25): it is imported once, and its processes share it.

python serve.py --interface wsgi --workers 2 … wsgi:app        # granian's own words
"""

import gc
import multiprocessing
from importlib import import_module

from granian.cli import entrypoint


def prepare() -> None:
    """One thread, and no connection: a process that is forked would have half of either."""
    gc.disable()  # nearly all that is made here stays: to look for what does not is a fifth of the start
    import_module("wsgi")
    gc.freeze()  # nor is it looked at later, which would copy each of its pages for each process
    gc.enable()
    multiprocessing.set_start_method("fork")  # granian asks for it; Python 3.14 has another one


if __name__ == "__main__":
    prepare()
    entrypoint()  # type: ignore[no-untyped-call]
