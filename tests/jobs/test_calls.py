"""Calls side by side, and one thread that claims and writes: nothing is lost, and nothing done twice."""

import threading
import time

import pytest

from app.extensions import db
from app.jobs.calls import Calls, Kind
from tests.jobs.support import eventually

SOON = 5.0


class World:
    """So many things to ask about. Knows how many calls there were at once, and what was written how."""

    def __init__(self, things=0, seconds=0.0, commit=0.0):
        self.waiting, self.seconds, self.commit = list(range(things)), seconds, commit
        self.at_once = self.most = 0
        self.claims, self.together, self.alone = [], [], []
        self.lock = threading.Lock()
        self.kind = Kind("test", self.claim, self.call, self.note, self.note_alone)

    def claim(self, most):
        with self.lock:
            found, self.waiting = self.waiting[:most], self.waiting[most:]
            self.claims.append((most, len(found)))
            return found

    def call(self, thing):
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self.seconds)
        with self.lock:
            self.at_once -= 1
        return f"answer {thing}"

    def note(self, heard):
        time.sleep(self.commit)
        self.together.append([thing for thing, _ in heard])
        assert all(answer == f"answer {thing}" for thing, answer in heard)
        return set(range(len(heard)))

    def note_alone(self, thing, answer):
        with self.lock:
            self.alone.append(thing)
        assert answer == f"answer {thing}"

    @property
    def written(self):
        return sorted([thing for some in self.together for thing in some] + self.alone)


def calls(app, world, most=4):
    return Calls(app, world.kind, most)


def test_one_ring_is_enough_for_all(wired_app):
    world = World(50)
    ours = calls(wired_app, world)
    ours.open()
    assert ours.wait(SOON)
    assert world.written == list(range(50))
    assert world.alone == []


def test_no_more_are_claimed_than_can_be_called_at_once(wired_app):
    """What is claimed and not called would be lost with the process."""
    world = World(30, 0.02)
    ours = calls(wired_app, world, 3)
    for _ in range(10):
        ours.open(100)
    assert ours.wait(SOON)
    assert world.most == 3
    assert max(most for most, _ in world.claims) == 3
    assert world.written == list(range(30))


def test_answers_that_come_together_are_written_together(wired_app):
    """Those that come while others are being committed: these take longer than starting all calls."""
    world = World(20, 0.1, commit=0.5)
    ours = calls(wired_app, world, 20)
    ours.open()
    assert ours.wait(2 * SOON)
    assert world.claims[0] == (20, 20)
    assert len(world.together) < 20


def test_who_finds_fewer_than_it_may_does_not_look_again(wired_app):
    world = World(2)
    ours = calls(wired_app, world)
    ours.open()
    assert ours.wait(SOON)
    assert world.claims == [(4, 2)]


def test_nothing_due_is_no_work(wired_app):
    ours = calls(wired_app, World())
    assert ours.wait(0)
    ours.open()
    assert ours.wait(SOON)


def test_a_ring_during_the_last_look_is_heard(wired_app):
    world, looking, rung = World(), threading.Event(), threading.Event()
    usual = world.claim

    def claim(most):
        found = usual(most)
        looking.set()
        assert rung.wait(SOON)
        return found

    ours = Calls(wired_app, Kind("test", claim, world.call, world.note, world.note_alone), 2)
    ours.open()
    assert looking.wait(SOON)
    world.waiting.append(7)
    ours.open()
    rung.set()
    assert ours.wait(SOON)
    assert world.written == [7]


def test_no_ring_is_ever_lost(wired_app):
    world = World()
    ours = calls(wired_app, world, 2)
    for n in range(200):
        with world.lock:
            world.waiting.append(n)
        ours.open()
        if n % 40 == 0:
            assert ours.wait(SOON)
            assert world.written == list(range(n + 1))
    assert ours.wait(SOON)
    assert world.written == list(range(200))


def test_what_is_left_out_is_written_alone(wired_app):
    world = World(6, 0.05)

    def note(heard):
        return {place for place, (thing, _) in enumerate(heard) if thing % 2}

    ours = Calls(wired_app, Kind("test", world.claim, world.call, note, world.note_alone), 6)
    ours.open()
    assert ours.wait(SOON)
    assert sorted(world.alone) == [0, 2, 4]


def test_where_they_cannot_be_written_together_each_is_written_alone(wired_app):
    world, seen = World(5, 0.05), []

    def note(heard):
        db.session.execute(db.text("select 1"))
        seen.append(len(heard))
        raise ZeroDivisionError

    ours = Calls(wired_app, Kind("test", world.claim, world.call, note, world.note_alone), 5)
    ours.open()
    assert ours.wait(SOON)
    assert sum(seen) == 5
    assert world.written == list(range(5))


def test_an_answer_that_waits_for_its_row_holds_up_nobody(wired_app):
    world, free = World(3), threading.Event()

    def note(heard):
        world.together.append([thing for thing, _ in heard if thing])
        return {place for place, (thing, _) in enumerate(heard) if thing}

    def note_alone(thing, _answer):
        assert free.wait(SOON)
        world.alone.append(thing)

    ours = Calls(wired_app, Kind("test", world.claim, world.call, note, note_alone), 3)
    ours.open()
    assert eventually(lambda: world.written == [1, 2])
    world.waiting = [3]
    ours.open()
    assert eventually(lambda: world.written == [1, 2, 3])
    assert not ours.wait(0)
    free.set()
    assert ours.wait(SOON)
    assert world.written == [0, 1, 2, 3]


@pytest.mark.parametrize("part", ["claim", "call", "note_alone"])
def test_an_error_stops_nothing_but_itself(wired_app, part):
    world, failed = World(4), []
    verbs = {name: getattr(world, name) for name in ("claim", "call", "note_alone")}

    def fails_once(*given):
        if not failed:
            failed.append(1)
            raise ZeroDivisionError
        return verbs[part](*given)

    ours = Calls(wired_app, Kind("test", note=lambda _: set(), **verbs | {part: fails_once}), 2)
    ours.open()
    assert ours.wait(SOON)
    ours.open()
    assert ours.wait(SOON)
    assert len(world.written) == (4 if part == "claim" else 3)


def test_a_machine_without_threads_calls_one_after_the_other(wired_app, monkeypatch):
    world = World(3)
    ours = calls(wired_app, world)
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "test":  # the keeper's
            start(thread)
        else:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ours.open()
    assert ours.wait(SOON)
    assert world.alone == [0, 1, 2]


def test_closing_finishes_what_began_and_begins_nothing_more(wired_app):
    world, began, free = World(9), threading.Event(), threading.Event()

    def call(thing):
        began.set()
        assert free.wait(SOON)
        return f"answer {thing}"

    ours = Calls(wired_app, Kind("test", world.claim, call, world.note, world.note_alone), 2)
    ours.open()
    assert began.wait(SOON)
    assert not ours.close(0.05)
    free.set()
    assert ours.wait(SOON)
    assert world.written == [0, 1]
    ours.open()
    assert ours.wait(SOON)
    assert world.written == [0, 1]


def test_a_keeper_that_cannot_start_does_not_silence_the_next_ring(wired_app, monkeypatch):
    world = World(3)
    ours = calls(wired_app, world)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_to_start)
        with pytest.raises(RuntimeError):
            ours.open()
    assert ours.wait(0)
    ours.open()
    assert ours.wait(SOON)
    assert world.written == [0, 1, 2]


def refuse_to_start(_thread):
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("part", ["claim", "note"])
def test_a_keeper_that_dies_keeps_no_answer_and_no_ring(wired_app, part):
    """Whatever it is that nobody has thought of: what was heard is written, and the next ring is heard."""
    world, died = World(4, 0.05), []
    verbs = {"claim": world.claim, "note": world.note}

    def dies_once(given):
        if not died and (part == "note" or world.claims):
            died.append(1)
            raise SystemExit
        return verbs[part](given)

    kind = Kind("test", call=world.call, note_alone=world.note_alone, **verbs | {part: dies_once})
    ours = Calls(wired_app, kind, 2)
    ours.open()
    assert eventually(lambda: died and ours.wait(0))
    assert eventually(lambda: len(world.written) == 2)
    ours.open()
    assert ours.wait(SOON)
    assert eventually(lambda: world.written == [0, 1, 2, 3])
