"""Tokens that open a page: browsers know them, the database does not (M14)."""

import re

from sqlalchemy import String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from app import crypto

# Of links from before tokens were hidden: their rows keep them as they are.
OLD = re.compile("[A-Za-z0-9_-]{22}", re.ASCII)


class Hidden(TypeDecorator[str]):
    """Plain in Python, hidden in the table; `==` and `in_` find it. `purpose` binds it to its column."""

    impl = String
    cache_ok = True

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or OLD.fullmatch(value):
            return value
        return crypto.hide(value, self.purpose)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not value.startswith(crypto.HIDDEN):
            return value
        return crypto.reveal(value, self.purpose)
