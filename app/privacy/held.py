"""Whose a phone number is, at one merchant: the person, and every payment that is theirs."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, or_, select, union

from app.billing.models import Invoice, Subscriber, Subscription
from app.billing.subscriptions import phone_index
from app.extensions import db
from app.merchants import Merchant
from app.payments.models import Allocation, Payment, Receipt


@dataclass(frozen=True)
class Held:
    """Of one merchant. A number may have paid for others without being a customer of its own."""

    merchant_id: int
    index: bytes
    person: Subscriber | None

    @property
    def payments(self) -> ColumnElement[bool]:
        """Those that asked this phone, and those that asked any phone for what this person has."""
        mine = Payment.phone_index == self.index
        if self.person is not None:
            theirs = (
                select(Invoice.id)
                .join(Subscription, Subscription.id == Invoice.subscription_id)
                .where(Subscription.subscriber_id == self.person.id)
            )
            mine = or_(mine, Payment.invoice_id.in_(theirs))
        return (Payment.merchant_id == self.merchant_id) & mine

    @property
    def receipts(self) -> list[int]:
        """What these payments brought, and what staff found to be theirs."""
        made = select(Payment.id).where(self.payments)
        query: Select[int] | CompoundSelect[int] = select(Receipt.id).where(
            Receipt.payment_id.in_(made)
        )
        if self.person is not None:
            given = (
                Allocation.receipt_id == Receipt.id,
                Allocation.subscriber_id == self.person.id,
            )
            owned = Receipt.subscriber_id == self.person.id
            query = union(
                query,
                select(Receipt.id).where(owned),
                select(Receipt.id).join(Allocation, and_(*given)),
            )
        return sorted(db.session.scalars(query))


def merchants_that_know(phone: str, only: Merchant | None = None) -> Iterator[int]:
    index = phone_index(phone)
    known = union(
        select(Subscriber.merchant_id).where(Subscriber.phone_index == index),
        select(Payment.merchant_id).where(Payment.phone_index == index),
    )
    found = sorted(db.session.scalars(known))
    return (one for one in found if only is None or one == only.id)


def at(merchant_id: int, phone: str) -> Held:
    index = phone_index(phone)
    mine = (Subscriber.merchant_id == merchant_id, Subscriber.phone_index == index)
    return Held(merchant_id, index, db.session.scalar(select(Subscriber).where(*mine)))
