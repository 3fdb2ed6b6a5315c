"""How money is asked for, and what came back."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import audit, clock, crypto
from app.billing.models import Invoice
from app.daraja import Credentials, Reason
from app.errors import Surprise
from app.extensions import Model
from app.merchants import Merchant
from app.payments import payment_constraints
from app.payments.hidden import Hidden
from app.payments.states import FAILED, TRANSITIONS, Status


class Payment(Model):
    """One attempt to collect an invoice. A second attempt is a second row."""

    __tablename__ = "payment"
    __table_args__ = payment_constraints.ALL

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    invoice_id: Mapped[int]
    plan_id: Mapped[int | None]  # what it pays for; lists are found by it
    token: Mapped[str] = mapped_column(  # the browser's
        Hidden("payment.token"), unique=True, default=crypto.new_token
    )
    hook_hash: Mapped[bytes | None] = mapped_column(unique=True)  # of Safaricom's token
    attempt: Mapped[str | None] = mapped_column(Hidden("payment.attempt"))  # the form's key
    retry_of_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    method: Mapped[str] = mapped_column(default="stk")
    shortcode: Mapped[str | None]  # that it was sent through: the merchant may have another by now
    amount: Mapped[int]  # whole shillings, the invoice's, frozen before the push (M4)
    phone_index: Mapped[bytes | None]  # None: its person was erased
    phone_sealed: Mapped[bytes | None]
    address_index: Mapped[bytes | None]  # of the browser's network address
    ref: Mapped[str | None]  # the merchant's own, from the pay link
    return_url: Mapped[str | None]  # where the customer goes afterwards; one of the merchant's
    consent_version: Mapped[int | None] = mapped_column(SmallInteger)  # of the text they read
    consent_language: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=Status.CREATED)
    reason: Mapped[str | None]
    code: Mapped[str | None]  # Safaricom's own number, for support
    checkout_index: Mapped[bytes | None] = mapped_column(unique=True)
    checkout_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    sending_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]  # "I have entered my PIN"
    denied_at: Mapped[datetime | None]  # "I did not enter my PIN"
    ended_at: Mapped[datetime | None]  # when it became paid or failed, the latest
    paid_at: Mapped[datetime | None]
    verified_by: Mapped[str | None]  # callback, then query
    next_question_at: Mapped[datetime | None]
    question_rank: Mapped[int] = mapped_column(SmallInteger, default=1)
    questions: Mapped[int] = mapped_column(SmallInteger, default=0)  # steps of the schedule taken
    hurries: Mapped[int] = mapped_column(SmallInteger, default=0)  # by the customer's buttons
    rechecks: Mapped[int] = mapped_column(SmallInteger, default=0)  # asked after it had ended
    last_question_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]  # when Safaricom last said anything about it
    held_callback_id: Mapped[int | None]  # an odd message that waits for Safaricom's word
    invoice: Mapped[Invoice] = relationship(primaryjoin="foreign(Payment.invoice_id) == Invoice.id")
    merchant: Mapped[Merchant] = relationship()

    @property
    def number(self) -> str:
        """The shortcode that Safaricom books its money under."""
        return self.shortcode or self.merchant.number

    def credentials(self) -> Credentials:
        """Those that Safaricom knows it by, as far as we still have them. Raises crypto.CannotOpen."""
        return self.merchant.credentials_of(self.shortcode)

    @property
    def phone(self) -> str | None:
        return phone_of(self)

    @property
    def checkout_request_id(self) -> str | None:
        return crypto.opened(self.checkout_sealed, self._checkout_place)

    @checkout_request_id.setter
    def checkout_request_id(self, value: str) -> None:
        self.checkout_index = checkout_index(value)
        self.checkout_sealed = crypto.seal(value.encode(), self._checkout_place)

    @property
    def _checkout_place(self) -> str:
        return f"payment.checkout|{self.token}"

    def move_to(
        self, status: Status, *, actor: str, reason: Reason | None = None, **details: Any
    ) -> bool:
        """Moves on, with an AuditEvent. False when already there: a repeat is not an error."""
        if self.status == status:
            return False
        if status not in TRANSITIONS[Status(self.status)]:
            raise Surprise(f"payment {self.id}: {self.status} -> {status}")
        before, self.status = self.status, status
        self.reason = (reason or Reason.UNKNOWN) if status == FAILED else None
        facts = {"before": before} | ({"reason": self.reason} if self.reason else {}) | details
        audit.record(self, f"payment.{status}", actor=actor, **facts)
        return True


def phone_of(payment: Any) -> str | None:
    """Of a Payment, or of a bare row that has its token and phone_sealed. None: erased."""
    return crypto.opened(payment.phone_sealed, phone_place(payment.token))


def phone_place(token: str) -> str:
    """What a payment's sealed number is bound to."""
    return f"payment.phone|{token}"


def checkout_index(checkout_request_id: str) -> bytes:
    return crypto.blind_index(checkout_request_id, "checkout")


class Callback(Model):
    """A message from Safaricom, exactly as it arrived, believed by nobody yet."""

    __tablename__ = "callback"
    __table_args__ = (
        Index(
            "ix_callback_due",
            "next_try_at",
            postgresql_where=text("settled_at is null and parked_at is null"),
        ),
        Index("ix_callback_payment", "payment_id", "id"),
        Index("ix_callback_body", "received_at", postgresql_where=text("body_sealed is not null")),
        Index("ix_callback_stray", "received_at", postgresql_where=text("payment_id is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    uid: Mapped[UUID] = mapped_column(default=uuid4)  # what the sealed body is bound to
    merchant_id: Mapped[int | None] = mapped_column(ForeignKey("merchant.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))  # None: a wrong token
    body_sealed: Mapped[bytes | None]  # None once retention has purged it
    address: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    next_try_at: Mapped[datetime] = mapped_column(default=clock.now)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    error: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # what it came to, for the payment's timeline

    @property
    def body(self) -> bytes:
        if self.body_sealed is None:
            raise Surprise(f"callback {self.id}: its body was purged")
        return crypto.unseal(self.body_sealed, body_place(self.uid))


def body_place(uid: UUID) -> str:
    return f"callback.body|{uid}"


class Receipt(Model):
    """Money that arrived. `code` is verified and unique over all merchants; a claim never blocks it."""

    __tablename__ = "receipt"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "payment_id"], ["payment.merchant_id", "payment.id"]),
        ForeignKeyConstraint(
            ["merchant_id", "subscriber_id"], ["subscriber.merchant_id", "subscriber.id"]
        ),
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("source in ('callback', 'query', 'statement', 'staff')", name="source"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    payment_id: Mapped[int | None] = mapped_column(unique=True)  # one prompt pays once
    subscriber_id: Mapped[int | None]
    code: Mapped[str | None] = mapped_column(unique=True)
    claimed_code: Mapped[str | None]
    amount: Mapped[int]  # whole shillings, as M-PESA took them
    source: Mapped[str]  # who told us first
    paid_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Allocation(Model):
    """A receipt's shillings, put on an invoice or (invoice_id null) on its subscriber's balance.

    Rows are added, never changed: shillings that leave the balance are a negative row.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        ForeignKeyConstraint(["merchant_id", "receipt_id"], ["receipt.merchant_id", "receipt.id"]),
        ForeignKeyConstraint(["merchant_id", "invoice_id"], ["invoice.merchant_id", "invoice.id"]),
        ForeignKeyConstraint(
            ["merchant_id", "subscriber_id"], ["subscriber.merchant_id", "subscriber.id"]
        ),
        CheckConstraint("amount <> 0", name="not_zero"),
        CheckConstraint("(invoice_id is null) <> (subscriber_id is null)", name="one_place"),
        Index("ix_allocation_receipt", "receipt_id"),
        Index("ix_allocation_invoice", "invoice_id"),
        Index(
            "ix_allocation_balance",
            "subscriber_id",
            postgresql_where=text("subscriber_id is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    receipt_id: Mapped[int]
    invoice_id: Mapped[int | None]
    subscriber_id: Mapped[int | None]
    amount: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
