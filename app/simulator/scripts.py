"""What shall happen to the payments to come: per phone, or `*` for everybody."""

from collections import deque
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from app.simulator import phones
from app.simulator.rules import SECONDS, BadInstruction, checked, matching, maybe, seconds, whole

EVERYONE = "*"
RESULT_CODE = "[0-9]{1,6}|[A-Z][A-Z0-9_]*[0-9]"


@dataclass(frozen=True)
class Script:
    """A delay of None is the simulator's own."""

    outcome: str = "person"
    push: str = "ok"
    callback: str = "once"
    query: str = "ok"
    prompt_delay: float | None = None
    callback_delay: float | None = None
    pin_after: float | None = None
    prompt_seconds: float | None = None
    hang_seconds: float | None = None


RULES = {
    "outcome": matching(f"person|paid|no_pin|{RESULT_CODE}"),
    "push": matching(
        "ok|refuse_400|busy|429|503|hang|lost|cut|locked|wrong_credentials|token|empty_200"
        rf"|delay:{SECONDS}"
    ),
    "callback": matching(
        "once|never|twice|before|fail_then_success|success_then_fail|other_id|no_metadata|garbage"
        rf"|storm:[1-9][0-9]{{0,2}}|late:{SECONDS}|amount:[0-9]{{1,9}}"
    ),
    "query": matching(
        r"ok|4999|processing|429|html|early|contradict|1037_early|unknown:[A-Za-z0-9_]{1,12}"
    ),
    "prompt_delay": maybe(seconds),
    "callback_delay": maybe(seconds),
    "pin_after": maybe(seconds),
    "prompt_seconds": maybe(seconds),
    "hang_seconds": maybe(seconds),
}
ADDRESSED_RULES = RULES | {"phone": matching(".+"), "times": maybe(whole(1, 10_000))}


def read(given: Any) -> tuple[str, Script, int | None]:
    """The phone, its script and how often it is meant (None: always)."""
    words = dict(checked(given, ADDRESSED_RULES))
    times = words.pop("times", None)
    phone = addressee(words.pop("phone", EVERYONE))
    return phone, Script(**words), times


def addressee(text: str) -> str:
    phone = text if text == EVERYONE else phones.read(text)
    if phone is None:
        raise BadInstruction(f"phone cannot be {text!r}.")
    return phone


@dataclass
class Shelf:
    queue: deque[Script] = field(default_factory=deque)
    standing: Script | None = None

    def first(self) -> Script | None:
        return self.queue[0] if self.queue else self.standing

    def take(self) -> Script | None:
        script = self.first()
        if script is not None and script.push == "token":
            # The push with the fresh token must meet the rest of the same script.
            self.put_first(replace(script, push="ok"))
        elif self.queue:
            self.queue.popleft()
        return script

    def put_first(self, script: Script) -> None:
        if self.queue:
            self.queue[0] = script
        else:
            self.standing = script


class ScriptBook:
    def __init__(self) -> None:
        self._lock = Lock()
        self._shelves: dict[str, Shelf] = {}

    def write(self, phone: str, script: Script, times: int | None) -> None:
        """Counted scripts queue up; a standing one replaces whatever was there."""
        with self._lock:
            shelf = self._shelves.setdefault(phone, Shelf())
            if times is None:
                shelf.queue.clear()
                shelf.standing = script
            else:
                shelf.queue.extend([script] * times)

    def take(self, phone: str) -> Script:
        with self._lock:
            for name in (phone, EVERYONE):
                shelf = self._shelves.get(name)
                if shelf is not None and (script := shelf.take()):
                    return script
        return Script()

    def standing(self) -> Script:
        """Everybody's, which is what the page shows and changes."""
        with self._lock:
            return self._everyone().standing or Script()

    def upcoming(self) -> Script:
        with self._lock:
            return self._everyone().first() or Script()

    def next_outcome(self, outcome: str) -> None:
        """The page's buttons mean the next payment only, as their heading says."""
        with self._lock:
            shelf = self._everyone()
            shelf.standing = replace(shelf.standing or Script(), outcome="person", pin_after=None)
            shelf.queue.clear()
            if outcome != "person":
                shelf.queue.append(replace(shelf.standing, outcome=outcome))

    def behave(self, changes: dict[str, Any]) -> None:
        with self._lock:
            shelf = self._everyone()
            shelf.standing = replace(shelf.standing or Script(), **changes)
            shelf.queue = deque(replace(script, **changes) for script in shelf.queue)

    def clear(self) -> None:
        with self._lock:
            self._shelves.clear()

    def _everyone(self) -> Shelf:
        return self._shelves.setdefault(EVERYONE, Shelf())
