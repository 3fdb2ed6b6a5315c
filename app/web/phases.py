"""What the customer sees: derived from the facts and the clock, never stored (design.md §5)."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s
from math import ceil

from app.daraja import Reason
from app.payments.states import CREATED, FAILED, PAID, PENDING, SENDING, UNCONFIRMED
from app.web import language
from app.web.standing import Standing

PROMPT_SECONDS = 6  # until the prompt is on the phone
PIN_SECONDS = 60  # M-PESA's own window
LIKELY_SECONDS = 30  # most PINs are in by then
PATIENCE_SECONDS = 120
GATE_SECONDS = 300  # a silent payment keeps the retry closed so long

# Failures that may still turn out paid: nobody at Safaricom has said no.
DOUBTFUL = frozenset({Reason.NO_ANSWER, Reason.UNKNOWN})
NAMES: dict[str, str] = {
    CREATED: "sending",
    SENDING: "sending",
    UNCONFIRMED: "unconfirmed",
    FAILED: "failed",
}
TERMINAL = frozenset({"paid", "paid_no_receipt", "failed"})
# Sent → Enter PIN → Confirm → Paid
STEPS = {"sending": 1, "waiting_prompt": 2, "waiting_pin": 2, "processing": 3, "unconfirmed": 3}


@dataclass(frozen=True)
class Phase:
    name: str
    step: int | None
    seconds_left: int | None  # of the PIN window
    poll: float | None  # seconds until the page asks again; None: it need not
    version: str  # another one: the page must change
    wait: int  # seconds until a new prompt may be asked for; 0: now
    terminal: bool


def of(facts: Standing, now: datetime, code: str | None = None) -> Phase:
    """In this language, or the visitor's."""
    name = _name(facts, now)
    poll = _poll(name, facts, now)
    wait = _wait(name, facts, now)
    return Phase(
        name=name,
        step=STEPS.get(name),
        seconds_left=_seconds_left(name, facts, now),
        poll=poll,
        version=_version(name, poll, wait, facts, code or language.current()),
        wait=wait,
        terminal=name in TERMINAL,
    )


def _name(facts: Standing, now: datetime) -> str:
    if facts.status == PENDING:
        return _waiting(facts, _age(facts, now))
    if facts.status == PAID:
        return "paid" if facts.receipt else "paid_no_receipt"
    return NAMES[facts.status]


def _waiting(facts: Standing, age: float) -> str:
    if age >= PATIENCE_SECONDS:
        return "unconfirmed"
    if facts.claimed_at or age >= PIN_SECONDS:
        return "processing"
    return "waiting_prompt" if age < PROMPT_SECONDS else "waiting_pin"


def _age(facts: Standing, now: datetime) -> float:
    """Since the prompt was accepted, or since the last thing we know. Other machines' clocks differ."""
    return _seconds(facts.accepted_at or facts.sending_at or facts.created_at, now)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _seconds_left(name: str, facts: Standing, now: datetime) -> int | None:
    if name not in ("waiting_prompt", "waiting_pin"):
        return None
    return ceil(PIN_SECONDS - _age(facts, now))


def _poll(name: str, facts: Standing, now: datetime) -> float | None:
    """The cadences of ux.md §3: quick while something is about to happen, then ever slower."""
    age = _age(facts, now)
    if name in ("waiting_prompt", "waiting_pin"):
        return 1.5 if age < LIKELY_SECONDS else 3  # "paid" is on the page within 2 s of the PIN
    if name == "processing":
        return _after_claim(facts.claimed_at, now)
    if name in ("sending", "unconfirmed"):
        return _until_known(name, age)
    return _afterwards(name, facts, now)


def _after_claim(claimed_at: datetime | None, now: datetime) -> int:
    if claimed_at is None:
        return 4
    return 2 if _seconds(claimed_at, now) < 20 else 3  # noqa: PLR2004


def _until_known(name: str, age: float) -> int | None:
    if age >= PATIENCE_SECONDS:
        return _slowly(age)
    if name == "unconfirmed":  # the push's answer was lost: the prompt may be on the phone
        return 4
    return 1 if age < 12 else 3  # noqa: PLR2004


def _afterwards(name: str, facts: Standing, now: datetime) -> int | None:
    """A result is on the page. Only one that may still change is asked about."""
    if name == "paid_no_receipt":
        return _slowly(_seconds(facts.paid_at or facts.created_at, now))
    doubtful = name == "failed" and facts.reason in DOUBTFUL
    return _slowly(_age(facts, now)) if doubtful else None


def _slowly(age: float) -> int | None:
    if age >= 15 * 60:
        return None
    return 10 if age < 5 * 60 else 30


def _wait(name: str, facts: Standing, now: datetime) -> int:
    if name not in ("failed", "unconfirmed"):
        return 0
    if facts.status == PENDING:  # the scheduler has yet to write down that it is unconfirmed
        return max(5, ceil(GATE_SECONDS - _age(facts, now)))
    return ceil(_seconds(now, facts.retry_at))


def _version(name: str, poll: float | None, wait: int, facts: Standing, code: str) -> str:
    """Of all that the fragment shows and that may change: neither the phone nor the plan does.

    The countdowns run in the browser, so only their ends count.
    """
    result = (facts.status, facts.reason, facts.code, facts.receipt, facts.received)
    debt = (facts.paid_through, facts.invoice_open, facts.closed)
    busy = facts.busy_until is not None
    shown = (facts.token, name, poll, wait > 0, busy, result, debt, code)
    return blake2s(repr(shown).encode(), digest_size=5).hexdigest()
