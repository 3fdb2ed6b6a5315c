"""What finance did in these weeks: statements taken in, numbers and money found in them, days signed."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

from app import ledger
from app.cli.history.book import Book, Row
from app.cli.history.story import Told
from app.desk import days
from app.desk.days import DAY
from app.ledger import LedgerEntry
from app.payments import closing
from app.payments.models import Receipt
from app.payments.staff_models import DailyClose, Statement, StatementLine
from app.staff import Staff

UNSIGNED = 2  # of the days that are over, the last ones
SIGNED = 10
CENTS = Decimal("1.00")
# Somebody paid at their phone, for an account that nobody has; somebody else did, and nobody saw it yet.
SUSPENDED, ACCOUNT, STRANGE = 1499, "KARIBU", "MWANAFUNZI 7"


class Office:
    def __init__(self, book: Book, person: Staff, told: Told) -> None:
        self.book, self.person, self.told = book, person, told
        self.calendar = told.calendar
        self.payments = {one.row["id"]: one for one in told.tries}
        self.actor = f"staff:{person.id}"

    def compare(self) -> None:
        """Two statements: what the older one tells is settled, what the newer one tells is not."""
        today = self.calendar.today
        self._number_all(self._statement(self.calendar.days[0], today - UNSIGNED * DAY))
        self._suspend()
        self._spoil(self._statement(today - UNSIGNED * DAY, today))

    def _statement(self, first: date, end: date) -> list[tuple[Row, Row]]:
        """Of the days from `first` to before `end`. Answers its lines, each with its receipt."""
        since, until = days.midnight(first), days.midnight(end)
        at = self.calendar.morning(end)
        statement = self.book.add(
            Statement,
            staff_id=self.person.id,
            name=f"ORG_{self.book.merchant.number}_{first:%d%m}-{end - DAY:%d%m%Y}.csv",
            shortcode=self.book.merchant.number,
            first_at=since,
            last_at=until - timedelta(seconds=1),
            created_at=at,
        )
        lines = [
            (self._line(statement, receipt), receipt)
            for receipt in self.book.rows(Receipt)
            if since <= receipt["paid_at"] < until
        ]
        statement["rows"] = len(lines)
        what = ("statement.taken_in", self.actor)
        self.book.record(at, ("statement", statement), what, rows=len(lines), new=len(lines))
        return lines

    def _line(self, statement: Row, receipt: Row) -> Row:
        payment = self.payments.get(receipt["payment_id"])
        return self.book.add(
            StatementLine,
            statement_id=statement["id"],
            code=receipt["code"] or self.told.post.receipt(receipt["paid_at"]),
            completed_at=receipt["paid_at"],
            paid_in=receipt["amount"] * CENTS,
            withdrawn=0 * CENTS,
            reference=payment.invoice["reference"] if payment else ACCOUNT,
            status="Completed",
            kind="Pay Bill Online",
        )

    def _number_all(self, lines: list[tuple[Row, Row]]) -> None:
        """Receipts whose number no message brought have it from the statement."""
        for line, receipt in lines:
            payment = self.payments.get(receipt["payment_id"])
            if receipt["code"] is not None or payment is None:
                continue
            receipt["code"] = line["code"]
            at = self.calendar.morning(self.calendar.today - UNSIGNED * DAY) + timedelta(minutes=4)
            what = ("receipt.numbered", self.actor)
            told = {"receipt": line["code"], "statement": line["statement_id"]}
            self.book.record(at, payment.subject, what, **told, reason="In the statement")

    def _suspend(self) -> None:
        at, paid_at = self.calendar.morning(self.calendar.today), self.calendar.last_evening
        receipt = self.book.add(
            Receipt,
            code=self.told.post.receipt(paid_at),
            amount=SUSPENDED,
            source="statement",
            paid_at=paid_at,
            created_at=at,
        )
        transfer, mpesa = uuid4(), ledger.mpesa(self.book.merchant.number)
        for account, amount in ((mpesa, SUSPENDED), (ledger.SUSPENSE, -SUSPENDED)):
            entry = {"transfer": transfer, "account": account, "amount": amount}
            self.book.add(LedgerEntry, **entry, receipt_id=receipt["id"], posted_at=at)
        what = ("receipt.suspended", self.actor)
        self.book.record(at, ("receipt", receipt), what, amount=SUSPENDED)

    def _spoil(self, lines: list[tuple[Row, Row]]) -> None:
        """What M-PESA has and we have not, what we have alone, and an amount that differs."""
        large = [line for line, receipt in lines if receipt["code"] and receipt["payment_id"]]
        for line in large[-1:]:
            line["paid_in"] -= 9 * CENTS
        for line in large[-6:-5]:  # the same row, and nobody's money
            at = line["completed_at"] - timedelta(minutes=17)
            line |= {"code": self.told.post.receipt(at), "completed_at": at, "reference": STRANGE}

    def sign(self) -> None:
        """Days that agree, by whoever took in their statement. The rows are in the database by now."""
        last = self.calendar.today - (UNSIGNED + 1) * DAY
        at = self.calendar.morning(last + DAY)
        for n in range(SIGNED):
            day = last - n * DAY
            found = closing.figures(self.book.merchant, day)
            signed_at = at + timedelta(minutes=9 + n)
            row = {"day": day, "figures": found, "note": "", "staff_id": self.person.id}
            close = self.book.add(DailyClose, **row, signed_at=signed_at)
            told = {"day": day.isoformat(), "sha256": closing.digest(found), "note": ""}
            what = ("day.closed", self.actor)
            self.book.record(signed_at, ("daily_close", close), what, **told)
