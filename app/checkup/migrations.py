"""How the tables compare with this code. While a new version is rolled out, they are ahead of it."""

from enum import StrEnum, auto
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.extensions import db

MIGRATIONS = Path(__file__).parents[2] / "migrations"


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
    head, known = _ours()
    if found == {head}:
        return Level.SAME
    return Level.AHEAD if found - known else Level.BEHIND


@cache
def _ours() -> tuple[str | None, frozenset[str]]:
    scripts = ScriptDirectory(str(MIGRATIONS))
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return scripts.get_current_head(), known
