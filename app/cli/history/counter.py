"""What support did in these weeks: cases, notes, a match that waits, subscriptions that end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from app.billing.models import Subscription
from app.cli.history.book import Book, Row
from app.cli.history.story import Told
from app.cli.history.telling import Try
from app.desk.days import DAY
from app.desk.models import Note
from app.payments.dispute_models import Dispute, DisputeEvidence
from app.payments.disputes import Claim
from app.payments.staff_models import MatchProposal
from app.staff import Staff

NOT_SERVED = timedelta(days=11)  # so long ago somebody paid and said that they were not served
QUIET = timedelta(days=5)  # nothing was asked for so long
# How many of those who subscribed want to stop, and what is kept as their reason.
LEAVING = (("ending", 4, "Moves to another school"), ("cancelled", 3, "The county pays for it now"))
NOTES = (
    "Called: says the phone was off. Will try again tonight.",
    "Wants to pay for three months at once; told them to renew early.",
    "Asked for the receipt by SMS; sent the link.",
)


class Counter:
    def __init__(self, book: Book, staff: dict[str, Staff], told: Told) -> None:
        self.book, self.told, self.calendar = book, told, told.calendar
        self.support, self.finance = staff["support"], staff["finance"]

    def serve(self) -> None:
        self._answer_a_case()
        self._open_a_case()
        self._propose()
        self._note()
        self._say_goodbye()

    def _record(self, at: datetime, subject: tuple[str, Row], what: str, **told: Any) -> None:
        person = told.pop("by", self.support)
        self.book.record(at, subject, (what, f"staff:{person.id}"), **told)

    def _answer_a_case(self) -> None:
        until = self.calendar.end - NOT_SERVED
        paid = [one for one in self.told.tries if one.row["paid_at"] and one.row["paid_at"] < until]
        for about in paid[-1:]:
            at = self.calendar.morning(about.row["paid_at"].date() + DAY)
            claim = Claim("not_received", at.date() + 3 * DAY, "Paid, and the lesson did not open.")
            case = self._case(about, at, claim)
            self._found_out(case, at + timedelta(hours=2), "It opens with the new link.")
            ended, outcome = at + timedelta(days=1, hours=1), "withdrawn"
            case |= {"outcome": outcome, "closed_by": self.finance.id, "closed_at": ended}
            told = {"dispute": case["id"], "outcome": outcome, "reason": "It works for them now"}
            self._record(ended, about.subject, "dispute.closed", **told, by=self.finance)

    def _open_a_case(self) -> None:
        about = self.told.paid_twice
        if about is None:
            return
        at = self.calendar.morning(self.calendar.today)
        claim = Claim("charged_twice", self.calendar.today + DAY, "Says that two messages came.")
        case = self._case(about, at, claim)
        says = "Both requests were paid, minutes apart. The second one is on the balance."
        self._found_out(case, at + (self.calendar.end - at) / 3, says)

    def _case(self, about: Try, at: datetime, claim: Claim) -> Row:
        opened = {"payment_id": about.row["id"], "opened_by": self.support.id, "opened_at": at}
        case = self.book.add(Dispute, **vars(claim), **opened)
        told = {"dispute": case["id"], "kind": claim.kind, "due": claim.due_on.isoformat()}
        self._record(at, about.subject, "dispute.opened", **told)
        return case

    def _found_out(self, case: Row, at: datetime, says: str) -> None:
        found = self.book.add(
            DisputeEvidence,
            dispute_id=case["id"],
            text=says,
            attempt=uuid4().hex,
            staff_id=self.support.id,
            added_at=at,
        )
        self._record(at, ("dispute", case), "dispute.evidence_added", evidence=found["id"])

    def _propose(self) -> None:
        """What M-PESA never told us the end of was paid, says one person; another one has to see."""
        about = self.told.never_told
        if about is None:
            return
        at = self.calendar.end - timedelta(hours=3)
        said = {
            "code": self.told.post.receipt(about.row["accepted_at"]),
            "reason": "The customer showed the SMS",
        }
        row = {"payment_id": about.row["id"], "amount": about.row["amount"]}
        by = {"proposed_by": self.finance.id, "proposed_at": at}
        self.book.add(MatchProposal, **row, **said, **by)
        self._record(at, about.subject, "match.proposed", **said, by=self.finance)

    def _note(self) -> None:
        """About the last ones that failed."""
        failed = [one for one in self.told.tries if one.row["reason"] and not one.row["questions"]]
        for one, text in zip(failed[-2 * len(NOTES) :: 2], NOTES, strict=False):
            at = min(one.row["ended_at"] + timedelta(minutes=50), self.calendar.end)
            who = {"payment_id": one.row["id"], "staff_id": self.support.id}
            note = self.book.add(Note, **who, text=text, created_at=at)
            self._record(at, one.subject, "payment.noted", note=note["id"])

    def _say_goodbye(self) -> None:
        leavers = self._leavers()
        for state, number, reason in LEAVING:
            for n in range(number):
                if (row := next(leavers, None)) is not None:
                    self._leave(row, state, reason, self.calendar.end - timedelta(hours=3 + 5 * n))

    def _leavers(self) -> Iterator[Row]:
        """Some whose time runs, and of whom nothing is asked at the moment."""
        buyers = {one.buyer.subscription["id"]: one.buyer for one in self.told.tries}
        since = self.calendar.end - QUIET
        for row in self.book.rows(Subscription)[::7]:
            buyer = buyers.get(row["id"])
            is_quiet = buyer and not buyer.invoice and buyer.busy_until and buyer.busy_until < since
            if is_quiet and row["paid_through"] > self.calendar.end:
                yield row

    def _leave(self, row: Row, state: str, reason: str, at: datetime) -> None:
        told = {"reason": reason}
        if state == "ending":
            row["ends_at"] = row["paid_through"]
            told["until"] = row["paid_through"].isoformat()
        else:
            row["cancelled_at"] = at
        self._record(at, ("subscription", row), f"subscription.{state}", **told)
