"""What the night lets go: a little with every sweep, because money waits for the sweep."""

from time import monotonic

from app.extensions import db
from app.jobs import spool
from app.logs import log
from app.privacy import retention
from app.privacy.retention import RULES, Rule

AT_A_TIME = 1.0  # seconds


class Retaining:
    """Which rules are still to come. After a restart the next night does it; nothing depends on when."""

    def __init__(self) -> None:
        self._left: list[Rule] = []

    def begin(self) -> None:
        self._left = list(RULES)
        for file in spool.leftovers(retention.BODY_LIFE):
            file.unlink(missing_ok=True)

    def step(self) -> None:
        until = monotonic() + AT_A_TIME
        while self._left and monotonic() < until:
            rule = self._left.pop(0)  # one that raises is not tried again before the next night
            taken = retention.batch(rule)
            db.session.commit()
            if taken:
                log().info("retention", rule=rule.name, rows=taken)
            if taken == retention.AT_ONCE:
                self._left.insert(0, rule)
