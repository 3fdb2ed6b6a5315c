"""How an attempt ends, and after how long: shares as a shop in Kenya sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from random import Random

from app.daraja import Reason


@dataclass(frozen=True)
class Fate:
    """How one attempt goes on after M-PESA has taken it."""

    kind: (
        str  # paid, asked (found paid by asking), late (failed, then paid), failed, silent, refused
    )
    seconds: float  # from its acceptance to its end
    reason: Reason | None = None
    code: str | None = None


# Of a thousand first tries.
USUAL: Mapping[str, int] = {
    "paid": 745,
    "asked": 28,
    "late": 5,
    "insufficient_funds": 68,
    "cancelled": 48,
    "expired": 38,
    "unreachable": 34,
    "wrong_pin": 15,
    "in_progress": 6,
    "busy": 4,
    "limit": 3,
    "pin_locked": 2,
    "not_registered": 2,
    "push_failed": 1,
    "silent": 1,
}
# Whoever tries again has done something about it.
AGAIN: Mapping[str, int] = {**USUAL, "paid": 1300, "insufficient_funds": 90}
BAD: Mapping[str, int] = {
    **USUAL,
    "paid": 420,
    "busy": 160,
    "unreachable": 150,
    "asked": 90,
    "late": 12,
}
# Codes with their weights, and the seconds that it takes: least and most.
FAILURES: Mapping[str, tuple[Mapping[str, int], float, float]] = {
    "insufficient_funds": ({"1": 1}, 9, 40),
    "cancelled": ({"1032": 9, "1031": 1}, 5, 28),
    "expired": ({"1032": 6, "1019": 4}, 58, 75),
    "unreachable": ({"1037": 9, "1036": 1}, 22, 55),
    "wrong_pin": ({"2001": 1}, 10, 38),
    "in_progress": ({"1001": 1}, 2, 7),
    "busy": ({"26": 2, "17": 1}, 2, 9),
    "limit": ({"4": 2, "3": 1}, 10, 30),
    "pin_locked": ({"8006": 1}, 8, 30),
    "not_registered": ({"400.002.02": 1}, 0, 0),
    "push_failed": ({"1025": 1}, 1, 4),
}
REFUSED = ("not_registered",)  # at once: no prompt was sent
SLOWER = 1.7  # everything, on a bad evening
# How many try again, and within how many minutes.
RETRIES: Mapping[str, tuple[float, float, float]] = {
    Reason.INSUFFICIENT_FUNDS: (0.45, 3, 45),
    Reason.WRONG_PIN: (0.8, 1.2, 4),
    Reason.CANCELLED: (0.35, 1.2, 12),
    Reason.EXPIRED: (0.65, 1.2, 6),
    Reason.UNREACHABLE: (0.6, 1.5, 10),
    Reason.IN_PROGRESS: (0.8, 2.2, 6),
    Reason.BUSY: (0.6, 1.2, 20),
    Reason.LIMIT: (0.2, 20, 60),
    Reason.PIN_LOCKED: (0.3, 15, 60),
    Reason.PUSH_FAILED: (0.8, 1.2, 4),
}


def fate(chance: Random, *, again: bool, bad: bool) -> Fate:
    shares = BAD if bad else AGAIN if again else USUAL
    [kind] = chance.choices(list(shares), list(shares.values()))
    slower = SLOWER if bad else 1.0
    if kind not in FAILURES:
        return _not_failed(chance, kind, slower)
    codes, least, most = FAILURES[kind]
    [code] = chance.choices(list(codes), list(codes.values()))
    seconds = chance.uniform(least, most) * (1 if kind == "expired" else slower)
    return Fate("refused" if kind in REFUSED else "failed", seconds, Reason(kind), code)


def _not_failed(chance: Random, kind: str, slower: float) -> Fate:
    if kind == "asked":
        return Fate(kind, chance.uniform(18, 52))
    if kind == "late":
        return Fate(kind, chance.uniform(150, 1500), Reason.UNREACHABLE, "1037")
    if kind == "silent":
        return silence()
    return Fate("paid", to_pay(chance) * slower)


def silence() -> Fate:
    """Nobody ever says how it ended."""
    return Fate("silent", 1, Reason.NO_ANSWER)


def unreachable() -> Fate:
    return Fate("failed", 30, Reason.UNREACHABLE, "1037")


def to_pay(chance: Random) -> float:
    """Seconds: half within 16, one in twenty needs more than 40."""
    return min(58.0, 5 + exp(chance.gauss(2.4, 0.62)))


def minutes_until_retry(chance: Random, reason: Reason | None) -> float | None:
    """None: nobody tries again."""
    share, least, most = RETRIES.get(reason or "", (0.0, 0.0, 0.0))
    return chance.uniform(least, most) if chance.random() < share else None
