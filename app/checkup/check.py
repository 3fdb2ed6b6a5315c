"""One line of the checklist."""

from dataclasses import dataclass

OK, WARN, BAD, UNKNOWN = "ok", "warn", "bad", "unknown"


@dataclass(frozen=True)
class Check:
    name: str
    state: str  # ok | warn | bad | unknown
    says: str
    mend: str = ""  # what to do about it
