"""One attempt to collect an invoice: the rows and events that it leaves behind."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from app import crypto
from app.billing import subscriptions
from app.cli.history import buyers, money
from app.cli.history.book import Book, Row
from app.cli.history.buyers import Buyer
from app.cli.history.chances import Fate
from app.cli.history.messages import Post
from app.daraja import Reason
from app.payments.alerts import Alert
from app.payments.models import Callback, Payment, body_place, checkout_index
from app.payments.schedule import CONFIRM, OPEN
from app.payments.states import CREATED, FAILED, PAID, PENDING, SENDING, UNCONFIRMED

CONFIRMED_AFTER = 31  # seconds
SILENCE = timedelta(seconds=121)  # after this nobody waits for the message any more
LAST_QUESTION = timedelta(hours=24)
STEPS = 9  # of the schedule of questions
CLAIMS, JOINS, DOUBLES = 0.2, 0.6, 0.012  # taps on "I have entered my PIN"; late messages; repeats
THEIR_ADDRESS = "196.201.214.200"
CUSTOMER, WORKER, SAFARICOM, SWEEP = "customer", "worker", "safaricom", "sweep"


@dataclass
class Try:
    """An attempt that is being told."""

    buyer: Buyer
    invoice: Row
    row: Row
    checkout_id: str = ""

    @property
    def subject(self) -> tuple[str, Row]:
        return Payment.__tablename__, self.row

    def later(self, seconds: float) -> datetime:
        """So long after M-PESA took it."""
        return self.row["accepted_at"] + timedelta(seconds=seconds)  # type: ignore[no-any-return]


class Teller:
    def __init__(self, book: Book, chance: Random) -> None:
        self.book = book
        self._chance = chance
        self.post = Post(chance, book.merchant.number)
        self.tries: list[Try] = []

    def attempt(self, buyer: Buyer, at: datetime, fate: Fate, retry_of: Row | None = None) -> Try:
        """Asked at `at`; everything that came of it, however late."""
        one = self._asked(buyer, at, retry_of)
        sending = at + timedelta(seconds=self._chance.uniform(0.05, 0.7))
        one.row |= {"sending_at": sending, "hook_hash": crypto.token_hash(uuid4().hex)}
        self._move(one, SENDING, WORKER, sending)
        self._goes_on(one, fate)
        self.tries.append(one)
        return one

    def _goes_on(self, one: Try, fate: Fate) -> None:
        ways = {
            "refused": self._refused,
            "silent": self._silent,
            "failed": self._failed,
            "late": self._late,
        }
        ways.get(fate.kind, self._paid)(one, fate)

    def _asked(self, buyer: Buyer, at: datetime, retry_of: Row | None) -> Try:
        invoice, token = buyers.owe(self.book, buyer, at), crypto.new_token()
        row = self.book.add(
            Payment,
            invoice_id=invoice["id"],
            plan_id=buyer.plan.id,
            token=token,
            attempt=None if retry_of else uuid4().hex,
            retry_of_id=retry_of["id"] if retry_of else None,
            method="stk",
            shortcode=self.book.merchant.number,
            amount=invoice["amount"],
            phone_index=subscriptions.phone_index(buyer.phone),
            phone_sealed=crypto.seal(buyer.phone.encode(), f"payment.phone|{token}"),
            status=CREATED,
            created_at=at,
            question_rank=OPEN,
            questions=0,
            hurries=0,
            rechecks=0,
        )
        one = Try(buyer, invoice, row)
        self.book.record(at, one.subject, ("payment.created", CUSTOMER), amount=row["amount"])
        return one

    def _move(self, one: Try, status: str, actor: str, at: datetime, **told: Any) -> None:
        before = {"before": one.row["status"]}
        one.row["status"] = status
        self.book.record(at, one.subject, (f"payment.{status}", actor), **before, **told)

    def _accepted(self, one: Try) -> None:
        at = one.row["sending_at"] + timedelta(seconds=self._chance.uniform(0.5, 2.4))
        one.checkout_id = self.post.checkout_id(at, one.buyer.phone)
        place = f"payment.checkout|{one.row['token']}"
        one.row |= {
            "accepted_at": at,
            "checkout_index": checkout_index(one.checkout_id),
            "checkout_sealed": crypto.seal(one.checkout_id.encode(), place),
        }
        self._move(one, PENDING, SAFARICOM, at)

    def _refused(self, one: Try, fate: Fate) -> None:
        self._fail(one, fate, one.row["sending_at"] + timedelta(seconds=0.8))

    def _fail(self, one: Try, fate: Fate, at: datetime) -> None:
        reason = fate.reason or Reason.UNKNOWN
        one.row |= {"reason": reason, "code": fate.code, "ended_at": at}
        told = {"reason": str(reason), "code": fate.code}
        self._move(one, FAILED, SAFARICOM, at, **told)

    def _failed(self, one: Try, fate: Fate) -> None:
        self._accepted(one)
        at = one.later(fate.seconds)
        self._fail(one, fate, at)
        self._message(one, at, "failed", self.post.failed(self._known(one), fate.code or ""))

    def _silent(self, one: Try, fate: Fate) -> None:
        """Nobody ever told us; after the last question it is failed, unless that is still to come."""
        self._accepted(one)
        why = "nobody has told us in time"
        self._move(one, UNCONFIRMED, SWEEP, one.row["accepted_at"] + SILENCE, why=why)
        one.row |= {"questions": STEPS if fate.seconds else 4}
        if not fate.seconds:
            return
        at = one.row["accepted_at"] + LAST_QUESTION
        one.row |= {"reason": Reason.NO_ANSWER, "ended_at": at}
        self._move(one, FAILED, "reconciliation", at, reason=str(Reason.NO_ANSWER))
        says = "M-PESA never told us how this payment ended."
        self.alert(one, "no_answer", says, at, resolved_at=at + timedelta(hours=7))

    def _paid(self, one: Try, fate: Fate) -> None:
        self._accepted(one)
        if self._chance.random() < CLAIMS:
            one.row["claimed_at"] = one.later(fate.seconds * 0.7)
            self.book.record(one.row["claimed_at"], one.subject, ("payment.claimed", CUSTOMER))
        if fate.kind == "asked":
            self._found(one, fate.seconds)
        else:
            self.told(one, fate.seconds)

    def _late(self, one: Try, fate: Fate) -> None:
        self._failed(one, Fate("failed", self._chance.uniform(22, 50), fate.reason, fate.code))
        self.told(one, fate.seconds)

    def _known(self, one: Try) -> dict[str, Any]:
        return {
            "phone": one.buyer.phone,
            "amount": one.row["amount"],
            "account": one.invoice["reference"],
            "checkout_id": one.checkout_id,
            "at": one.row["accepted_at"],
        }

    def told(self, one: Try, seconds: float) -> None:
        """Paid, by Safaricom's message, which a question confirms; also after it had failed."""
        at = one.later(seconds)
        code = self.post.receipt(at)
        self._credit(one, at, code, "callback")
        body = self.post.paid(self._known(one), code, at)
        self._message(one, at, "paid", body)
        if self._chance.random() < DOUBLES:
            self._message(
                one, at + timedelta(seconds=self._chance.uniform(1, 9)), "duplicate", body
            )
        self._answered(one, at + timedelta(seconds=CONFIRMED_AFTER))

    def contradict(self, one: Try, seconds: float, code: str) -> None:
        """A message says failed although it was paid."""
        at, body = one.later(seconds), self.post.failed(self._known(one), code)
        self._message(one, at, "failure after success: ignored", body)
        says = f"A message says failed ({code}) after the payment was paid. Nothing changed."
        self.alert(one, "contradiction", says, at)

    def _found(self, one: Try, seconds: float) -> None:
        """By asking; the message with the receipt's number comes later, or never."""
        at = one.later(seconds)
        self._answered(one, at)
        code = self.post.receipt(at)
        came = at + timedelta(seconds=self._chance.uniform(40, 900))
        joins = self._chance.random() < JOINS
        self._credit(one, at, code if joins else None, "query")
        if joins:
            body = self.post.paid(self._known(one), code, at)
            self._message(one, came, "receipt number joined", body)
            what = ("receipt.joined", SAFARICOM)
            self.book.record(came, one.subject, what, receipt=code)

    def _credit(self, one: Try, at: datetime, code: str | None, source: str) -> None:
        late = one.row["status"] == FAILED
        one.row |= {"reason": None, "code": None, "paid_at": at, "ended_at": at}
        one.row |= {"verified_by": "query", "question_rank": CONFIRM}
        self._move(one, PAID, SAFARICOM, at, source=source, late=late)
        receipt = money.receive(self.book, one.row, one.buyer, code, source)
        if one.invoice["paid_at"] is None:
            money.pay(self.book, one.buyer, one.invoice, receipt)
            return
        money.keep(self.book, one.buyer, receipt)
        says = f"KSh {receipt['amount']:,} of {one.invoice['amount']:,} came for an invoice that is paid."
        self.alert(one, "paid_twice", says, at)

    def _message(self, one: Try, at: datetime, outcome: str, body: bytes) -> None:
        uid = uuid4()
        row = self.book.add(
            Callback,
            uid=uid,
            payment_id=one.row["id"],
            body_sealed=crypto.seal(body, body_place(uid)),
            address=THEIR_ADDRESS,
            received_at=at,
            next_try_at=at,
            tries=0,
            settled_at=at,
            outcome=outcome,
        )
        what = ("callback.settled", SAFARICOM)
        self.book.record(at, one.subject, what, callback=row["id"], outcome=outcome)

    def _answered(self, one: Try, at: datetime) -> None:
        one.row |= {"last_question_at": at, "answered_at": at, "rechecks": 1, "questions": 1}
        what = ("question.answered", SAFARICOM)
        self.book.record(at, one.subject, what, verdict="paid", code="0")

    def alert(
        self, one: Try, kind: str, says: str, at: datetime, *, resolved_at: datetime | None = None
    ) -> None:
        self.book.add(
            Alert,
            payment_id=one.row["id"],
            kind=kind,
            text=says,
            created_at=at,
            resolved_at=resolved_at,
        )
        self.book.record(at, one.subject, (f"alert.{kind}", "settlement"), text=says)
