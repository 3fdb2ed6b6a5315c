"""What the page offers."""

from dataclasses import dataclass

from app.simulator.scripts import Script
from app.simulator.settings import SimulatorSettings


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Knob:
    name: str
    label: str
    value: str
    choices: tuple[Choice, ...]

    @property
    def chosen(self) -> Choice:
        return next(choice for choice in self.choices if choice.value == self.value)


OUTCOMES = (
    Choice("person", "The customer decides", "PIN on the phone"),
    Choice("paid", "Paid", "0"),
    Choice("1", "Not enough money", "1"),
    Choice("2001", "Wrong PIN", "2001"),
    Choice("1032", "Cancelled", "1032"),
    Choice("no_pin", "No PIN in time", "1037 after 60 s"),
    Choice("1037", "Phone unreachable", "1037"),
    Choice("1019", "Expired", "1019"),
    Choice("1001", "Another in progress", "1001"),
    Choice("26", "M-PESA busy", "26"),
    Choice("1025", "Push error", "1025"),
    Choice("8899", "Unknown code", "8899"),
)
DELAYS = tuple(Choice(one, f"{one} s") for one in ("0", "1", "3", "10", "30"))
CALLBACKS = (
    Choice("never", "Never (status query must find it)"),
    Choice("twice", "Twice"),
    Choice("storm:50", "Fifty times at once"),
    Choice("before", "Before the push answer"),
    Choice("late:30", "30 s late"),
    Choice("late:300", "5 minutes late"),
    Choice("fail_then_success", "First a failure, then the truth"),
    Choice("success_then_fail", "First the truth, then a failure"),
    Choice("amount:1", "With another amount"),
    Choice("garbage", "Garbled"),
)
QUERIES = (
    Choice("ok", "Works"),
    Choice("4999", "Still processing (4999)"),
    Choice("processing", "Error 500.001.1001"),
    Choice("429", "Too many requests (429)"),
)
PUSHES = (
    Choice("ok", "Works"),
    Choice("hang", "Hangs, yet the phone rings"),
    Choice("lost", "Answer lost, yet the phone rings"),
    Choice("busy", "M-PESA busy (500.003.02)"),
    Choice("503", "Refused (503)"),
)


def knobs(script: Script, settings: SimulatorSettings) -> list[Knob]:
    delay = settings.prompt_delay if script.prompt_delay is None else script.prompt_delay
    after = settings.callback_delay if script.callback_delay is None else script.callback_delay
    callbacks = (Choice("once", f"{after:g} s after the PIN"), *CALLBACKS)
    return [
        knob("prompt_delay", "Message reaches the phone after", f"{delay:g}", DELAYS),
        knob("callback", "Callback arrives", script.callback, callbacks),
        knob("query", "Status query", script.query, QUERIES),
        knob("push", "Push request", script.push, PUSHES),
    ]


def unusual(knobs: list[Knob]) -> str:
    """Said where the knobs are folded away: a forgotten fault would be a riddle."""
    usual = {"once", "ok"}
    return ", ".join(
        f"{knob.label}: {knob.chosen.label}"
        for knob in knobs
        if knob.name != "prompt_delay" and knob.value not in usual
    )


def knob(name: str, label: str, value: str, offered: tuple[Choice, ...]) -> Knob:
    """A value that only a script could choose joins the list, or the page would show a lie."""
    if value not in {choice.value for choice in offered}:
        extra = f"{value} s" if name == "prompt_delay" else f"{value} (by script)"
        offered = (*offered, Choice(value, extra))
    return Knob(name, label, value, offered)
