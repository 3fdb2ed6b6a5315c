"""Every index costs each write; docs/data-dictionary.md says what each of them answers."""

import re
from pathlib import Path

from sqlalchemy import UniqueConstraint

from app import tables
from app.desk import customers, indexes

DICTIONARY = Path(__file__).parents[1] / "docs/data-dictionary.md"
MADE_HERE = (customers, indexes)  # importing them makes the lists' own indexes
METADATA = tables.payments.Payment.metadata


def names():
    for table in METADATA.tables.values():
        yield from (str(index.name) for index in table.indexes)
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                yield str(constraint.name)


def test_each_index_is_listed_with_what_it_answers():
    listed = re.findall(r"`((?:ix|uq)_\w+)`", DICTIONARY.read_text())
    assert sorted(listed) == sorted(names())
