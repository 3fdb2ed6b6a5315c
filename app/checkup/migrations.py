"""How the tables compare with this code. While a new version is rolled out, they are ahead of it."""

import re
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache
from pathlib import Path

from sqlalchemy import text

from app.extensions import db

MIGRATIONS = Path(__file__).parents[2] / "migrations"
# As Alembic writes it. To import Alembic for it would be a twentieth of a start.
REVISION = re.compile(r"""^(down_)?revision = ["']([0-9a-z_]+)["']$""", re.MULTILINE)


class Level(StrEnum):
    BEHIND = auto()  # of this code, or empty
    SAME = auto()
    AHEAD = auto()  # a newer version has migrated: this code still runs (docs/operations.md)

    @property
    def serves(self) -> bool:
        return self is not Level.BEHIND


def level() -> Level:
    """Raises SQLAlchemyError."""
    found = set(db.session.scalars(text("select version_num from alembic_version")))
    ours = known()
    if found == {ours.head}:
        return Level.SAME
    return Level.AHEAD if found - ours.revisions else Level.BEHIND


@dataclass(frozen=True)
class Known:
    head: str
    revisions: frozenset[str]


@cache
def known() -> Known:
    """What this code knows: the newest is nobody's former one."""
    scripts = [path.read_text() for path in (MIGRATIONS / "versions").glob("*.py")]
    said = {pair for script in scripts for pair in REVISION.findall(script)}
    former = {name for down, name in said if down}
    revisions = frozenset(name for down, name in said if not down)
    [head] = revisions - former
    return Known(head, revisions)
