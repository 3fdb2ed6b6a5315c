"""How often a page asks when very many wait: less often, instead of all of them late.

phases.py knows how often a customer would like to look; what the web can answer is POLLS_PER_SECOND.
Pages that have one cadence keep it until they change, so a rush slows those that come with it. The
version has nothing of it: processes that count at different moments agree about what is new.
"""

from dataclasses import replace
from math import ceil
from time import monotonic

from flask import current_app
from sqlalchemy import func, select

from app import direct
from app.payments.models import Payment
from app.payments.states import PENDING
from app.settings import settings
from app.web.phases import Phase

SLOWEST = 20  # seconds, whatever the rush: longer, and people think that nothing happens
MOST = 100_000  # are counted
LASTS = 1.0  # seconds: a count is everybody's in this process
KNOWN = "malipo.cadence"

_waiting = select(Payment.accepted_at).where(Payment.status == PENDING).limit(MOST).subquery()
COUNT = direct.Statement(select(func.count().label("many")).select_from(_waiting))


def for_all(phase: Phase) -> Phase:
    """The phase, asked about as often as all who wait now can be answered."""
    return phase if phase.poll is None else slowed(phase, _many())


def slowed(phase: Phase, many: int) -> Phase:
    """The same where so many wait, in steps of half a second."""
    apart = min(SLOWEST, ceil(2 * many / settings().polls_per_second) / 2)
    return replace(phase, poll=max(phase.poll or 0, apart))


def _many() -> int:
    """How many customers have a prompt on their phone: their pages are, or may be, open."""
    known: tuple[float, int] = current_app.extensions.get(KNOWN, (0.0, 0))
    if monotonic() < known[0]:
        return known[1]
    row = COUNT.one()
    many = row.many if row else 0
    current_app.extensions[KNOWN] = (monotonic() + LASTS, many)
    return many
