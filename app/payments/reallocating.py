"""Move a receipt's shillings between suspense and balances, by hand, with a reason.

Allocate is suspense to balance, a part of it is a split; move is balance to balance; undo is an
earlier row the other way round. What has paid an invoice stays there (M2): its period is given.

What can happen between the lines:
- crash anywhere: one commit holds the row, the allocations, the transfer and the event, or nothing;
- a double click, or the form sent again after a lost answer: `attempt` is looked for under the
  receipt's lock, and unique; the second one finds the first one's row and moves nothing;
- two people move the same money: the receipt's row is locked, the second sees what is left;
- a payment spends the balance meanwhile: it holds the subscriber's lock, as we do, so one of us
  sees what the other one has left, and a balance never falls below zero (books: M13);
- a callback finds its money here (settlement, `booking.adopt`): the receipt's lock again;
- the checkout makes a prompt for the invoice that we are about to pay: whoever locks the invoice
  first; it then finds a closed one and issues another, or we see its prompt and leave the invoice;
- a deadlock: Receipt, Invoices, Subscriptions, Subscribers, each kind by id (payments/locking.py);
  settlement takes one of each in the same order.
"""

from dataclasses import dataclass

from sqlalchemy import func, select

from app import audit, ledger, msisdn
from app.billing import subscriptions
from app.billing.models import Invoice, Subscriber, Subscription
from app.errors import BadPhone, Refused
from app.extensions import db
from app.payments import booking, statements
from app.payments.locking import locked_open_invoices, locked_receipt, locked_subscribers
from app.payments.models import Allocation, Receipt
from app.payments.staff_models import Act, Reallocation

SUSPENSE = None  # the place of what has no owner; every other place is a subscriber's balance


@dataclass(frozen=True)
class Order:
    """So many shillings, from a place to a place."""

    source: int | None
    target: int | None
    amount: int
    undoes_id: int | None = None

    @property
    def verb(self) -> str:
        if self.undoes_id is not None:
            return "undone"
        return "allocated" if self.source is SUSPENSE else "moved"

    @property
    def owners(self) -> list[int]:
        return [place for place in (self.source, self.target) if place is not SUSPENSE]


def allocate(receipt_id: int, subscriber_id: int, amount: int, act: Act) -> Reallocation:
    """From suspense to a balance. Raises Refused with a sentence for staff; so do all of these."""
    return move(receipt_id, Order(SUSPENSE, subscriber_id, amount), act)


def move(receipt_id: int, order: Order, act: Act) -> Reallocation:
    """The row of this attempt, made when new. A balance that then covers what is owed pays it."""
    receipt = locked_receipt(receipt_id)
    if done := _done(receipt, order, act):
        return done
    owed = locked_open_invoices(order.target) if order.target is not SUSPENSE else []
    locked_subscribers(*order.owners)
    _check(receipt, order, act)
    if order.source is SUSPENSE:
        statements.check_kept(receipt)
    row = _carry_out(receipt, order, act)
    if invoice := _meant(receipt, owed):
        booking.pay_from_balance(invoice)
    return row


def undo(reallocation_id: int, act: Act) -> Reallocation:
    """As much of it as is still where it was put. Nothing is paid with what comes back."""
    row = db.session.get_one(Reallocation, reallocation_id)
    receipt = locked_receipt(row.receipt_id)
    back = Order(row.to_subscriber_id, row.from_subscriber_id, row.amount, row.id)
    if done := _done(receipt, back, act):
        return done
    if row.undoes_id is not None:
        raise Refused("This is an undo itself. Allocate the money again instead.")
    undone = select(Reallocation.id).where(Reallocation.undoes_id == row.id)
    if db.session.scalar(undone) is not None:
        raise Refused("This was undone already.")
    locked_subscribers(*back.owners)
    left = min(row.amount, there(receipt, back.source))
    order = Order(back.source, back.target, left or row.amount, row.id)
    _check(receipt, order, act)
    return _carry_out(receipt, order, act)


def _done(receipt: Receipt, order: Order, act: Act) -> Reallocation | None:
    """The same form again. An older one that was changed and sent again would say "moved", and move nothing."""
    same = (Reallocation.merchant_id == receipt.merchant_id, Reallocation.attempt == act.attempt)
    found = db.session.scalar(select(Reallocation).where(*same))
    if found is None:
        return None
    wanted = (receipt.id, order.source, order.target, order.undoes_id)
    made = (found.receipt_id, found.from_subscriber_id, found.to_subscriber_id, found.undoes_id)
    if made != wanted or (order.undoes_id is None and found.amount != order.amount):
        raise Refused(
            "This form was sent before, and said something else. Look at the receipt again."
        )
    return found


def _check(receipt: Receipt, order: Order, act: Act) -> None:
    if not act.reason.strip() or not act.attempt:
        raise Refused("Give a reason.")
    if order.source == order.target:
        raise Refused("It is there already.")
    if order.target is SUSPENSE and receipt.subscriber_id is not None:
        raise Refused("This money came with its owner. It can go to another balance only.")
    for subscriber_id in order.owners:
        theirs = (Subscriber.id == subscriber_id, Subscriber.merchant_id == receipt.merchant_id)
        if db.session.scalar(select(Subscriber.id).where(*theirs)) is None:
            raise Refused("There is no such customer.")
    _check_amount(receipt, order)


def _check_amount(receipt: Receipt, order: Order) -> None:
    left = there(receipt, order.source)
    if 1 <= order.amount <= left:
        return
    if order.amount < 1:
        raise Refused("Give whole shillings, 1 or more.")
    if left:
        raise Refused(f"Only KSh {left:,} of this receipt is there.")
    spent = ", ".join(invoice.reference for invoice, _ in on_invoices(receipt))
    if spent:
        raise Refused(f"It has paid invoice {spent}. What an invoice was paid with stays on it.")
    raise Refused("Nothing of this receipt is there any more.")


def _carry_out(receipt: Receipt, order: Order, act: Act) -> Reallocation:
    row = Reallocation(
        merchant_id=receipt.merchant_id,
        receipt_id=receipt.id,
        from_subscriber_id=order.source,
        to_subscriber_id=order.target,
        amount=order.amount,
        reason=act.reason,
        staff_id=act.staff_id,
        attempt=act.attempt,
        undoes_id=order.undoes_id,
    )
    db.session.add(row)
    db.session.flush()
    _post(receipt, order)
    ends = {"from": order.source, "to": order.target, "undoes": order.undoes_id}
    told = {"amount": order.amount, "reason": act.reason, "reallocation": row.id}
    audit.record(receipt, f"receipt.{order.verb}", actor=act.actor, **told, **ends)
    return row


def _post(receipt: Receipt, order: Order) -> None:
    if order.source is not SUSPENSE:
        booking.put(receipt, order.source, -order.amount)
    if order.target is not SUSPENSE:
        booking.put(receipt, order.target, order.amount)
    amounts = {_account(order.source): order.amount, _account(order.target): -order.amount}
    ledger.post(receipt.merchant_id, amounts, receipt_id=receipt.id)


def _account(place: int | None) -> str:
    return ledger.SUSPENSE if place is SUSPENSE else ledger.balance(place)


def _meant(receipt: Receipt, owed: list[Invoice]) -> Invoice | None:
    """What the balance pays by itself: the invoice that the payer named, or else the only one.

    Of several that nobody named none: an invoice that is paid cannot be unpaid.
    """
    named = statements.account_of(receipt)
    meant = [invoice for invoice in owed if invoice.reference == named] or owed
    if len(meant) != 1 or booking.being_asked(meant[0]):
        return None
    return meant[0]


def there(receipt: Receipt, place: int | None) -> int:
    """How many of the receipt's shillings are in this place."""
    if place is SUSPENSE:
        return (
            0 if receipt.subscriber_id is not None else receipt.amount - booking.allocated(receipt)
        )
    mine = (Allocation.receipt_id == receipt.id, Allocation.subscriber_id == place)
    query = select(func.coalesce(func.sum(Allocation.amount), 0)).where(*mine)
    return int(db.session.scalar(query) or 0)


def on_balances(receipt: Receipt) -> list[tuple[Subscriber, int]]:
    left = func.sum(Allocation.amount)
    query = (
        select(Subscriber, left)
        .join(Allocation, Allocation.subscriber_id == Subscriber.id)
        .where(Allocation.receipt_id == receipt.id)
        .group_by(Subscriber.id)
        .having(left > 0)
    )
    rows = db.session.execute(query.order_by(Subscriber.id))
    return [(subscriber, int(amount)) for subscriber, amount in rows]


def on_invoices(receipt: Receipt) -> list[tuple[Invoice, int]]:
    query = (
        select(Invoice, func.sum(Allocation.amount))
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(Allocation.receipt_id == receipt.id)
        .group_by(Invoice.id)
    )
    rows = db.session.execute(query.order_by(Invoice.id))
    return [(invoice, int(amount)) for invoice, amount in rows]


def owed_by(subscriber_id: int) -> list[Invoice]:
    """What is open, for who only looks."""
    theirs = select(Invoice).join(Subscription, Invoice.subscription_id == Subscription.id)
    still = theirs.where(
        Subscription.subscriber_id == subscriber_id,
        Subscription.cancelled_at.is_(None),
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )
    return list(db.session.scalars(still.order_by(Invoice.id)))


def history(receipt: Receipt) -> list[Reallocation]:
    mine = select(Reallocation).where(Reallocation.receipt_id == receipt.id)
    return list(db.session.scalars(mine.order_by(Reallocation.id)))


def whose(merchant_id: int, typed: str) -> Subscriber | None:
    """The customer with this phone number, or of the invoice with this account number."""
    mine = select(Subscriber).where(Subscriber.merchant_id == merchant_id)
    try:
        index = subscriptions.phone_index(msisdn.parse(typed))
    except BadPhone:
        by_invoice = mine.join(Subscription, Subscription.subscriber_id == Subscriber.id).join(
            Invoice, Invoice.subscription_id == Subscription.id
        )
        named = Invoice.reference == typed.strip().upper()
        return db.session.scalar(by_invoice.where(named, Invoice.merchant_id == merchant_id))
    return db.session.scalar(mine.where(Subscriber.phone_index == index))
