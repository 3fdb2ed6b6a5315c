"""Payments with all that their money touches, locked in one statement: for who settles many at once.

A chain is the payment, its invoice, subscription, and subscriber, all ours until commit, with their
merchant and plan. What somebody else holds any part of is no chain, and is settled by itself, by who
may wait. Because nobody waits here, the order of these locks is free (locking.py has it for others):
whoever waits for one of ours has it when we commit. The texts never change, and are prepared once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm.attributes import set_committed_value

from app import clock, direct, many
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.merchants import Merchant
from app.payments import inbox
from app.payments.models import Callback, Payment
from app.shapes import Shape

CALLBACK = Shape(Callback)
PAYMENT = Shape(Payment, without=("token", "attempt", "phone_sealed", "checkout_sealed"))
MERCHANT = Shape(
    Merchant, only=("id", "slug", "shortcode", "uses_platform_shortcode", "verify_above")
)
INVOICE, SUBSCRIPTION, SUBSCRIBER = (
    Shape(Invoice),
    Shape(Subscription),
    Shape(Subscriber, only=("id",)),
)
PLAN = Shape(Plan, only=("id", "unit", "every"))
SHAPES: tuple[Shape[Any], ...] = (PAYMENT, MERCHANT, INVOICE, SUBSCRIPTION, PLAN)


@dataclass(frozen=True)
class Message:
    """One that is due, locked, and its payment; None: somebody holds some of it."""

    callback: Callback
    payment: Payment | None


def due(rows: direct.Transaction, most: int, *, oldest: bool) -> list[Message]:
    """The newest messages that wait to be settled, or the oldest."""
    values = {"now": clock.now(), "most": most}
    found = rows.exec_driver_sql(_due_text(oldest), values)
    width, known = len(CALLBACK.names), _Known()
    messages = ((CALLBACK.made(row[:width]), known.payment(row[width:])) for row in found)
    return [Message(callback, payment) for callback, payment in messages if callback]


def of_payments(rows: direct.Transaction, payment_ids: Collection[int]) -> list[Payment]:
    """Those of these payments of which nobody holds anything."""
    known = _Known()
    found = rows.exec_driver_sql(_payments_text(), {"ids": list(payment_ids)})
    return [payment for row in found if (payment := known.payment(row))]


class _Known:
    """Each row is one object, in however many chains it is."""

    def __init__(self) -> None:
        self._made: dict[tuple[type[Any], int], Any] = {}

    def payment(self, values: Sequence[Any]) -> Payment | None:
        """Of a row's columns: the subscriber's id, which says that it is whole, and then SHAPES."""
        if values[0] is None:
            return None
        place, parts = 1, []
        for shape in SHAPES:
            parts.append(self._one(shape, values[place : place + len(shape.names)]))
            place += len(shape.names)
        payment, merchant, invoice, subscription, plan = parts
        set_committed_value(payment, "merchant", merchant)
        set_committed_value(payment, "invoice", invoice)
        set_committed_value(invoice, "subscription", subscription)
        set_committed_value(subscription, "plan", plan)
        found: Payment = payment
        return found

    def _one(self, shape: Shape[Any], values: Sequence[Any]) -> Any:
        key = shape.model, values[0]
        if key not in self._made:
            self._made[key] = shape.made(values)
        return self._made[key]


@cache
def _due_text(oldest: bool) -> str:  # noqa: FBT001 - which of two texts
    now = bindparam("now", type_=DateTime(timezone=True))
    its = Callback.__table__.c.next_try_at
    query = select(*CALLBACK.columns).where(*inbox.waiting(now))
    ordered = query.order_by(its.asc() if oldest else its.desc())
    some = ordered.limit(bindparam("most", type_=BigInteger)).with_for_update(skip_locked=True)
    found = some.cte("found")
    chain = _Chain(_array(select(found.c.payment_id)))
    joined = chain.joined(
        found.outerjoin(chain.payments, chain.payments.c.id == found.c.payment_id)
    )
    return many.text(select(*found.c, *chain.columns).select_from(joined))


@cache
def _payments_text() -> str:
    chain = _Chain(bindparam("ids", type_=ARRAY(BigInteger)))
    return many.text(select(*chain.columns).select_from(chain.joined(chain.payments)))


class _Chain:
    def __init__(self, payment_ids: ColumnElement[Any]) -> None:
        self.payments = _locked(PAYMENT, payment_ids)
        self._invoices = _locked(INVOICE, _array(select(self.payments.c.invoice_id)))
        ids = _array(select(self._invoices.c.subscription_id))
        self._subscriptions = _locked(SUBSCRIPTION, ids)
        ids = _array(select(self._subscriptions.c.subscriber_id))
        self._subscribers = _locked(SUBSCRIBER, ids)

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        plans = (*MERCHANT.columns, *self._invoices.c, *self._subscriptions.c, *PLAN.columns)
        return [self._subscribers.c.id, *self.payments.c, *plans]

    def joined(self, payments: FromClause) -> FromClause:
        """Where a part is missing, the subscriber is: each is found by the one before it."""
        i, s, u = self._invoices.c, self._subscriptions.c, self._subscribers.c
        merchant, plan = Merchant.__table__, Plan.__table__
        with_merchant = payments.outerjoin(merchant, merchant.c.id == self.payments.c.merchant_id)
        owed = with_merchant.outerjoin(self._invoices, i.id == self.payments.c.invoice_id)
        sold = owed.outerjoin(self._subscriptions, s.id == i.subscription_id)
        return sold.outerjoin(plan, plan.c.id == s.plan_id).outerjoin(
            self._subscribers, u.id == s.subscriber_id
        )


def _locked(shape: Shape[Any], ids: ColumnElement[Any]) -> CTE:
    """FOR NO KEY UPDATE, as in locking.py; what somebody holds is left out."""
    table = shape.model.__table__
    query = select(*shape.columns).where(table.c.id == func.any(ids))
    free: Select[Any] = query.with_for_update(key_share=True, skip_locked=True)
    return free.cte(f"free_{table.name}")


def _array(query: Select[Any]) -> ColumnElement[Any]:
    """Of all its rows: whoever reads it has locked them all."""
    return func.array(query.scalar_subquery())
