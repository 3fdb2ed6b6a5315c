"""Two statements that tell one story differently: one of the files is not as M-PESA wrote it.

Lines are kept as they came first, for they may have been acted on. So a wrong or forged file is not
put right by the next one; but the next one, a fresh export, gives it away, and a person is told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from app.extensions import db
from app.payments import alerts
from app.payments.staff_models import Statement
from app.payments.statement_file import File
from app.payments.statement_file import Row as FileRow

NAMED = 5  # receipt numbers in one sentence
KNOWN = """select code, paid_in, completed_at, reference from statement_line
    where merchant_id = :merchant and paid_in > 0 and code = any(:codes)"""
INSIDE = """select l.code from statement_line l join statement s on s.id = l.statement_id
    where l.merchant_id = :merchant and l.paid_in > 0
      and l.completed_at > :since and l.completed_at < :until
      and coalesce(s.shortcode, :number) = :number"""


def tell(statement: Statement, file: File, number: str | None) -> int:
    """How many lines are told otherwise, or denied. `number`: that the file has all the money of."""
    money = {row.code: row for row in file.rows if row.paid_in > 0}
    changed = [line.code for line in _known(statement, money) if _differs(line, money[line.code])]
    denied = sorted(_inside(statement, file, number) - set(money)) if number else []
    _tell(statement, "says something else about", sorted(changed))
    _tell(statement, "covers the time and does not have", denied)
    return len(changed) + len(denied)


def _known(statement: Statement, money: Mapping[str, FileRow]) -> Sequence[Row[Any]]:
    values = {"merchant": statement.merchant_id, "codes": list(money)}
    return db.session.execute(text(KNOWN), values).all()


def _inside(statement: Statement, file: File, number: str) -> set[str]:
    values = {
        "merchant": statement.merchant_id,
        "since": file.first_at,
        "until": file.last_at,
        "number": number,
    }
    return set(db.session.scalars(text(INSIDE), values))


def _differs(line: Row[Any], row: FileRow) -> bool:
    """Some exports leave the seconds out, and some the account number."""
    accounts = {line.reference, row.reference} - {None}
    times = _minute(line.completed_at), _minute(row.completed_at)
    return line.paid_in != row.paid_in or times[0] != times[1] or len(accounts) > 1


def _minute(time: datetime) -> float:
    return time.timestamp() // 60


def _tell(statement: Statement, how: str, codes: list[str]) -> None:
    if not codes:
        return
    more = f" and {len(codes) - NAMED} more" if len(codes) > NAMED else ""
    says = (
        f"A statement {how} {', '.join(codes[:NAMED])}{more}, which an earlier one has. "
        "One of the files is not as M-PESA wrote it: export both again."
    )
    alerts.raise_about(statement, "statements_disagree", says)
