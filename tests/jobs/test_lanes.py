"""Threads that work until nothing is due; what is due late is not missed, what began is finished."""

import threading
import time

import pytest
from flask import current_app

from app.jobs.lanes import Lanes

SOON = 5.0
LOUD = "ignore::pytest.PytestUnhandledThreadExceptionWarning"


class Work:
    """So many steps; knows how many threads were at it at once."""

    def __init__(self, steps, seconds=0.0):
        self.left, self.done, self.at_once, self.most = steps, 0, 0, 0
        self.seconds = seconds
        self.lock = threading.Lock()

    def step(self):
        with self.lock:
            if not self.left:
                return False
            self.left -= 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self.seconds)
        with self.lock:
            self.at_once -= 1
            self.done += 1
        return True


def test_one_ring_is_enough_for_all_steps(wired_app):
    work = Work(50)
    lanes = Lanes(wired_app, work.step, 4)
    lanes.open()
    assert lanes.wait(SOON)
    assert work.done == 50


def test_nothing_due_is_no_work(wired_app):
    lanes = Lanes(wired_app, Work(0).step, 4)
    assert lanes.wait(0)
    lanes.open(3)
    assert lanes.wait(SOON)


def test_there_are_never_more_threads_than_lanes(wired_app):
    work = Work(40, 0.01)
    lanes = Lanes(wired_app, work.step, 3)
    for _ in range(20):
        lanes.open(100)
    assert lanes.wait(SOON)
    assert work.done == 40
    assert work.most == 3


def test_as_many_lanes_open_as_there_is_work(wired_app):
    work = Work(2, 0.05)
    lanes = Lanes(wired_app, work.step, 64)
    lanes.open(2)
    assert lanes.wait(SOON)
    assert work.most == 2


def test_each_step_has_the_application(wired_app):
    seen = []

    def step():
        seen.append(current_app.name)
        return False

    lanes = Lanes(wired_app, step, 1)
    lanes.open()
    assert lanes.wait(SOON)
    assert seen == [wired_app.name]


def test_work_that_appears_while_the_last_look_finds_nothing_is_done(wired_app):
    """The ring comes after the look, and no lane is free to open: the lane looks again."""
    looked, rung, done = threading.Event(), threading.Event(), []

    def step():
        found = rung.is_set() and not done
        if found:
            done.append(1)
        elif not rung.is_set():
            looked.set()
            assert rung.wait(SOON)
        return found

    lanes = Lanes(wired_app, step, 1)
    lanes.open()
    assert looked.wait(SOON)
    rung.set()
    lanes.open()
    assert lanes.wait(SOON)
    assert done == [1]


def test_no_ring_is_ever_lost(wired_app):
    work = Work(0)
    lanes = Lanes(wired_app, work.step, 2)
    for n in range(1, 301):
        with work.lock:
            work.left += 1
        lanes.open()
        if n % 50 == 0:
            assert lanes.wait(SOON)
            assert work.done == n


def test_a_lane_can_be_opened_again(wired_app):
    work = Work(1)
    lanes = Lanes(wired_app, work.step, 1)
    for total in (1, 2, 3):
        lanes.open()
        assert lanes.wait(SOON)
        assert work.done == total
        work.left = 1


def test_waiting_has_an_end(wired_app):
    free = threading.Event()
    lanes = Lanes(wired_app, lambda: not free.wait(SOON), 1)
    lanes.open()
    started = time.perf_counter()
    assert not lanes.wait(0.05)
    assert time.perf_counter() - started < 1
    free.set()
    assert lanes.wait(SOON)


def test_closing_finishes_what_began_and_begins_nothing_more(wired_app):
    began, free, done = threading.Event(), threading.Event(), []

    def step():
        began.set()
        assert free.wait(SOON)
        done.append(1)
        return True  # and there is more

    lanes = Lanes(wired_app, step, 1)
    lanes.open()
    assert began.wait(SOON)
    threading.Timer(0.05, free.set).start()
    assert lanes.close(SOON)
    assert done == [1]
    lanes.open()
    assert lanes.wait(SOON)
    assert done == [1]


def test_closing_does_not_wait_for_ever(wired_app):
    free, began = threading.Event(), threading.Event()

    def step():
        began.set()
        return not free.wait(SOON)

    lanes = Lanes(wired_app, step, 1)
    lanes.open()
    assert began.wait(SOON)
    assert not lanes.close(0.05)
    free.set()
    assert lanes.wait(SOON)


@pytest.mark.filterwarnings(LOUD)
def test_an_error_stops_one_lane_and_not_the_others(wired_app):
    work, failed = Work(20, 0.01), []

    def step():
        with work.lock:
            first = not failed
            failed.append(1)
        if first:
            raise ZeroDivisionError
        return work.step()

    lanes = Lanes(wired_app, step, 2)
    lanes.open(2)
    assert lanes.wait(SOON)
    assert work.done == 20
    work.left = 1
    lanes.open()
    assert lanes.wait(SOON)
    assert work.done == 21
