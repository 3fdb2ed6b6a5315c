"""Take in M-PESA's statements, and act on what they tell: book money, add a missing number.

What can happen between the lines:
- the same file again, or twice at once: whoever takes in a merchant's statements does so alone, and
  money in is unique by merchant and number, so a known line adds nothing;
- a file that tells a line otherwise, or denies it: the first one's line stays, and somebody is told;
- crash: the statement and all of its lines are one commit;
- a line is booked twice at once, or while its callback settles: both lock the receipt number first,
  and it is unique over all merchants (M3); the second one finds the first one's receipt;
- a line is booked that is the money of a payment which nobody has told us of yet: refused, because
  the answer to a question has no number, and would bring the same money again (M1); such a line is
  matched with its payment, or its number given to the receipt that has none.
"""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import audit, crypto, ledger
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.payments import booking, checking, comparing, disagreeing, doubts, limits, statement_file
from app.payments.locking import locked, locked_nameless, locked_number, locked_receipt
from app.payments.models import Payment, Receipt
from app.payments.staff_models import Act, Statement, StatementLine
from app.settings import settings

AT_ONCE = 1_000  # lines in one statement of SQL
LONGEST_NAME = 100


@dataclass(frozen=True)
class Taken:
    statement: Statement
    new: int
    known: int
    left_out: int
    disagree: int  # with earlier statements


def take_in(merchant: Merchant, staff_id: int, name: str, content: bytes) -> Taken:
    """Raises Refused with a sentence that names line and column."""
    file = statement_file.read(content)
    _check_number(merchant, file)
    limits.lock_key(crypto.blind_index(str(merchant.id), "statement"))
    found = Statement(
        merchant_id=merchant.id,
        staff_id=staff_id,
        name=statement_file.masked(statement_file.printable(name))[:LONGEST_NAME]
        or "statement.csv",
        shortcode=_number_of(merchant, file),
        rows=len(file.rows),
        first_at=file.first_at,
        last_at=file.last_at,
    )
    statement = _same(found) or _kept(found)
    whole = None if _is_till(merchant) else statement.shortcode or merchant.number
    disagree = disagreeing.tell(statement, file, whole)
    new = _add_lines(statement, file.rows)
    audit.record(
        statement,
        "statement.taken_in",
        actor=f"staff:{staff_id}",
        sha256=sha256(content).hexdigest(),
        rows=len(file.rows),
        new=new,
    )
    return Taken(statement, new, len(file.rows) - new, file.left_out, disagree)


def _check_number(merchant: Merchant, file: statement_file.File) -> None:
    """A file that says whose it is must be this merchant's; a till's may name another of its numbers."""
    number = file.shortcode
    if number in (None, merchant.number) or _is_till(merchant):
        return
    before = (Payment.merchant_id == merchant.id, Payment.shortcode == number)
    if db.session.scalar(select(Payment.id).where(*before).limit(1)) is None:
        raise Refused(f"This is the statement of {number}; your number is {merchant.number}.")


def _is_till(merchant: Merchant) -> bool:
    till = settings().mpesa_till if merchant.on_platform else merchant.till
    return till is not None


def _number_of(merchant: Merchant, file: statement_file.File) -> str | None:
    """Whose money it is; a till's file may name the till instead. What came to the platform says so."""
    unclear = _is_till(merchant) and file.shortcode != settings().mpesa_shortcode
    return None if unclear else file.shortcode


def _same(found: Statement) -> Statement | None:
    mine = (
        Statement.merchant_id == found.merchant_id,
        Statement.shortcode.is_not_distinct_from(found.shortcode),
        Statement.first_at == found.first_at,
        Statement.last_at == found.last_at,
        Statement.rows == found.rows,
    )
    return db.session.scalar(select(Statement).where(*mine).limit(1))


def _kept(found: Statement) -> Statement:
    db.session.add(found)
    db.session.flush()
    return found


def _add_lines(statement: Statement, rows: list[statement_file.Row]) -> int:
    ours = {
        "statement_id": statement.id,
        "merchant_id": statement.merchant_id,
        "status": "Completed",
    }
    new = 0
    for start in range(0, len(rows), AT_ONCE):
        values = [ours | vars(row) for row in rows[start : start + AT_ONCE]]
        adding = insert(StatementLine).values(values).on_conflict_do_nothing()
        new += len(db.session.scalars(adding.returning(StatementLine.id)).all())
    return new


def book(line: StatementLine, staff_id: int) -> Receipt:
    """Money that came without a payment of ours is in suspense from now on. Raises Refused."""
    merchant = db.session.get_one(Merchant, line.merchant_id)
    locked_number(line.code)
    booked = doubts.booked(line.code)
    if booked is not None and booked.merchant_id == line.merchant_id:
        return booked
    amount = whole(line)
    locked_nameless(line.merchant_id, amount)
    checking.check_free(comparing.look_up(merchant, line))
    checking.check_not_a_neighbours(merchant, line)
    receipt = Receipt(
        merchant_id=line.merchant_id,
        code=line.code,
        amount=amount,
        source="statement",
        paid_at=line.completed_at,
    )
    account = ledger.mpesa(shortcode(line) or merchant.number)
    booking.to_suspense(receipt, account, actor=f"staff:{staff_id}", statement=line.statement_id)
    return receipt


def shortcode(line: StatementLine) -> str | None:
    return db.session.get_one(Statement, line.statement_id).shortcode


def whole(line: StatementLine) -> int:
    """Its shillings. Raises Refused: the books have no cents."""
    if line.paid_in != line.paid_in.to_integral_value():
        raise Refused(
            f"{line.code} brought KSh {line.paid_in:,}. The books are kept in whole shillings: send "
            "the cents back, or book it outside of Malipo."
        )
    return int(line.paid_in)


def give_number(line: StatementLine, receipt: Receipt, act: Act) -> None:
    """The money of this receipt, which had no number, is this line's. Raises Refused.

    The payment is locked first, as a callback that joins its number does; then the number.
    """
    if receipt.payment_id is not None:
        locked(receipt.payment_id)
    locked_number(line.code)
    receipt = locked_receipt(receipt.id)
    if receipt.code == line.code:
        return
    merchant = db.session.get_one(Merchant, line.merchant_id)
    if receipt.code is not None:
        raise Refused(f"It has the number {receipt.code} by now.")
    found = comparing.look_up(merchant, line)
    checking.check_ours(found)
    if receipt.id not in comparing.unnumbered(merchant, line):
        raise Refused("Amount, account number and time of this line do not fit this payment.")
    receipt.code = line.code
    subject = db.session.get(Payment, receipt.payment_id) if receipt.payment_id else None
    told = {"receipt": line.code, "statement": line.statement_id, "reason": act.reason}
    audit.record(subject or receipt, "receipt.numbered", actor=act.actor, **told)
    if subject is not None:
        doubts.tell_of_claims(subject, line.code)


def newest(merchant: Merchant, most: int) -> list[Statement]:
    mine = select(Statement).where(Statement.merchant_id == merchant.id)
    return list(db.session.scalars(mine.order_by(Statement.id.desc()).limit(most)))


def money_in(merchant_id: int, code: str) -> StatementLine | None:
    """What a statement says about a receipt number."""
    line = (
        StatementLine.merchant_id == merchant_id,
        StatementLine.code == code,
        StatementLine.paid_in > 0,
    )
    return db.session.scalar(select(StatementLine).where(*line))


def account_of(receipt: Receipt) -> str | None:
    """The account number that the payer typed, where a statement has told us."""
    line = money_in(receipt.merchant_id, receipt.code) if receipt.code else None
    return line.reference if line else None


def check_kept(receipt: Receipt) -> None:
    """Raises Refused where a statement says that M-PESA took this money back."""
    line = money_in(receipt.merchant_id, receipt.code) if receipt.code else None
    if line is not None:
        merchant = db.session.get_one(Merchant, line.merchant_id)
        checking.check_kept(comparing.look_up(merchant, line))
