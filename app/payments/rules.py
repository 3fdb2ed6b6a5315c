"""What a rule of the books is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    name: str
    says: str
    sql: str  # answers the ids of what is wrong, in one query over all rows
