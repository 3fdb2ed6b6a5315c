"""Things to do later, on one thread: a load test would otherwise start a timer thread for each."""

import heapq
import itertools
import time
from collections.abc import Callable
from threading import Condition, Thread

Action = Callable[[], object]


class Scheduler:
    def __init__(self) -> None:
        self._changed = Condition()
        self._heap: list[tuple[float, int, Action]] = []
        self._order = itertools.count()
        self._stopped = False
        self._thread: Thread | None = None

    def after(self, seconds: float, action: Action) -> None:
        with self._changed:
            if self._stopped:
                return
            due = time.monotonic() + seconds
            heapq.heappush(self._heap, (due, next(self._order), action))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="simulator-scheduler", daemon=True)
                self._thread.start()
            self._changed.notify()

    def clear(self) -> None:
        with self._changed:
            self._heap.clear()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._heap.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (action := self._next()) is not None:
            action()

    def _next(self) -> Action | None:
        with self._changed:
            while not self._stopped:
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)
        return None
