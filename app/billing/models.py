"""What is sold, to whom, and what they owe."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import clock, crypto
from app.extensions import Model
from app.merchants import Merchant

MAX_PRICE = 250_000  # shillings: M-PESA's limit for one payment (daraja.md §5)


class Plan(Model):
    __tablename__ = "plan"
    __table_args__ = (
        UniqueConstraint("merchant_id", "code"),
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint(f"price between 1 and {MAX_PRICE}", name="price"),
        CheckConstraint("every between 1 and 1000", name="every"),
        CheckConstraint("unit in ('day', 'week', 'month', 'quarter', 'year')", name="unit"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    code: Mapped[str]
    name: Mapped[str]
    price: Mapped[int]  # whole shillings
    unit: Mapped[str]
    every: Mapped[int] = mapped_column(SmallInteger)  # so many units make one period
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    retired_at: Mapped[datetime | None]
    merchant: Mapped[Merchant] = relationship()


class Subscriber(Model):
    """A person, as one merchant knows them."""

    __tablename__ = "subscriber"
    __table_args__ = (
        UniqueConstraint("merchant_id", "phone_index"),
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint("language in ('en', 'sw')", name="language"),
        CheckConstraint(
            "(phone_index is null) = (phone_sealed is null)"
            " and (phone_index is null) = (erased_at is not null)",
            name="erased",
        ),
        # Those whose rest of a balance may still be somebody's.
        Index("ix_subscriber_erased", "id", postgresql_where=text("erased_at is not null")),
        Index("ix_subscriber_merchant", "merchant_id", "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    token: Mapped[str] = mapped_column(unique=True, default=crypto.new_token)
    phone_index: Mapped[bytes | None]  # None: erased
    phone_sealed: Mapped[bytes | None]
    name: Mapped[str | None]
    language: Mapped[str | None]  # the one they last chose to pay in
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    erased_at: Mapped[datetime | None]  # the person went, their money stayed (ADR 0018)

    @property
    def phone(self) -> str | None:
        return crypto.opened(self.phone_sealed, f"subscriber.phone|{self.token}")


# Searched by how it begins, whatever the database's collation.
Index(
    "ix_subscriber_name",
    Subscriber.merchant_id,
    func.lower(Subscriber.name).label("name"),
    postgresql_ops={"name": "text_pattern_ops"},
)


class Subscription(Model):
    """Facts only. Whether it is active follows from them and the clock."""

    __tablename__ = "subscription"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "subscriber_id"], ["subscriber.merchant_id", "subscriber.id"]
        ),
        ForeignKeyConstraint(["merchant_id", "plan_id"], ["plan.merchant_id", "plan.id"]),
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint("anchor_day between 1 and 31", name="anchor_day"),
        # A person has a plan once; the next payment for it extends what is there.
        Index(
            "uq_subscription_one_running",
            "subscriber_id",
            "plan_id",
            unique=True,
            postgresql_where=text("cancelled_at is null"),
        ),
        CheckConstraint("cancelled_at is null or ends_at is null", name="one_end"),
        # Lists, newest first: all, of a plan, and the few that end. New ones are counted from the first.
        Index(
            "ix_subscription_newest",
            *("merchant_id", "created_at", "id"),
            postgresql_include=["plan_id", "paid_through"],
        ),
        Index("ix_subscription_plan", "plan_id", "created_at", "id"),
        Index(
            "ix_subscription_ended",
            "merchant_id",
            "created_at",
            "id",
            postgresql_where=text("cancelled_at is not null or ends_at is not null"),
        ),
        Index("ix_subscription_subscriber", "subscriber_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    token: Mapped[str] = mapped_column(unique=True, default=crypto.new_token)
    subscriber_id: Mapped[int]
    plan_id: Mapped[int]
    anchor_day: Mapped[int | None] = mapped_column(SmallInteger)  # Nairobi's day of the month
    paid_through: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]  # nothing is asked any more; paid time stays
    ends_at: Mapped[datetime | None]  # nothing is asked after this, the end of the paid time
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    plan: Mapped[Plan] = relationship(primaryjoin="foreign(Subscription.plan_id) == Plan.id")
    subscriber: Mapped[Subscriber] = relationship(
        primaryjoin="foreign(Subscription.subscriber_id) == Subscriber.id"
    )

    @property
    def active(self) -> bool:
        return self.paid_through is not None and self.paid_through > clock.now()


class Invoice(Model):
    """One period, owed. It is paid or void by a time written down once, and never both."""

    __tablename__ = "invoice"
    __table_args__ = (
        ForeignKeyConstraint(
            ["merchant_id", "subscription_id"], ["subscription.merchant_id", "subscription.id"]
        ),
        UniqueConstraint("merchant_id", "reference"),
        UniqueConstraint("merchant_id", "id"),
        CheckConstraint(f"amount between 1 and {MAX_PRICE}", name="amount"),
        CheckConstraint("paid_at is null or voided_at is null", name="one_end"),
        CheckConstraint("(paid_at is null) = (period_end is null)", name="paid_has_period"),
        CheckConstraint("period_start < period_end", name="period"),
        Index(
            "uq_invoice_one_open",
            "subscription_id",
            unique=True,
            postgresql_where=text("paid_at is null and voided_at is null"),
        ),
        Index("ix_invoice_subscription_id", "subscription_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    merchant_id: Mapped[int] = mapped_column(ForeignKey("merchant.id"))
    subscription_id: Mapped[int]
    reference: Mapped[str]  # the account number that a payer sees, and can type
    amount: Mapped[int]  # whole shillings, frozen: a new price makes a new invoice
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    paid_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    subscription: Mapped[Subscription] = relationship(
        primaryjoin="foreign(Invoice.subscription_id) == Subscription.id"
    )

    @property
    def open(self) -> bool:
        return self.paid_at is None and self.voided_at is None
