"""What staff do with a subscription that meets its payments: ask for money, and stop asking.

Whoever sells to a person holds their phone's lock (charging.buy): under it, nobody else buys for
them, and they keep their number. Then come the rows, in the order of locking.py.
"""

from sqlalchemy import select

from app.billing import invoices, subscribers
from app.billing.models import Invoice, Subscriber, Subscription
from app.billing.subscriptions import phone_index
from app.errors import Refused
from app.extensions import db
from app.payments import charging, gate, limits
from app.payments.charging import Payer
from app.payments.models import Payment
from app.payments.states import LIVE
from app.staff.accounts import By


def ask(subscription: Subscription, actor: str, attempt: str) -> Payment:
    """A prompt for the next period: for the open invoice as it is, else at today's price.

    The same limits as for a customer. Raises MustWait or Refused. The caller commits, then rings.
    """
    if payment := charging.repeated(subscription.merchant_id, attempt):
        return payment
    _hold(subscription)
    seen = invoices.seen_open_of(subscription)
    amount = seen.amount if seen else subscription.plan.price
    phone = _reachable(subscription, amount, actor)
    invoice = _still_open(subscription, seen) or invoices.issue(subscription, actor)
    return charging.open_payment(invoice, Payer(phone, None, asked_by=actor), attempt=attempt)


def ask_for(invoice: Invoice, actor: str, attempt: str) -> Payment:
    """The same for this invoice, and never for another one: who has paid it owes nothing now."""
    if payment := charging.repeated(invoice.merchant_id, attempt):
        return payment
    subscription = invoice.subscription
    _hold(subscription)
    if invoices.seen_open_of(subscription) is not invoice:
        raise Refused("It is not open any more.")
    phone = _reachable(subscription, invoice.amount, actor)
    _still_open(subscription, invoice)
    return charging.open_payment(invoice, Payer(phone, None, asked_by=actor), attempt=attempt)


def _reachable(subscription: Subscription, amount: int, actor: str) -> str:
    """The number that may be asked now. Raises MustWait or Refused."""
    if subscription.cancelled_at or subscription.ends_at:
        raise Refused("It is cancelled. Undo that first, if they want to go on.")
    person = subscription.subscriber
    phone = subscribers.known_phone(person)
    limits.check(limits.Ask(person.merchant_id, phone_index(phone), amount, None))
    gate.enter(subscription.plan.merchant, asked_by=actor)
    return phone


def _still_open(subscription: Subscription, seen: Invoice | None) -> Invoice | None:
    """What was seen, locked. Raises Refused."""
    invoice = invoices.open_of(subscription)
    if invoice is not seen:
        raise Refused("It has been paid in this moment.")
    return invoice


def quiet(subscription: Subscription) -> Subscription:
    """Fresh and ours until commit, with no prompt for it on any phone. Raises Refused.

    A prompt that nobody has answered for may still be paid: such money goes to the balance.
    """
    _hold(subscription)
    invoices.open_of(subscription)  # under its lock nobody asks for it again
    mine = select(Payment.id).join(Invoice, Invoice.id == Payment.invoice_id)
    live = mine.where(Invoice.subscription_id == subscription.id, Payment.status.in_(LIVE))
    if db.session.scalar(live.limit(1)):
        raise Refused("A request is on the phone now. Wait two minutes, then try again.")
    return _ours(subscription)


def held(subscription: Subscription) -> Subscription:
    """Fresh and ours until commit."""
    _hold(subscription)
    return _ours(subscription)


def _hold(subscription: Subscription) -> None:
    _hold_phones(subscription.subscriber)
    db.session.refresh(subscription)


def _ours(subscription: Subscription) -> Subscription:
    db.session.refresh(subscription, with_for_update={"key_share": True})
    return subscription


def change_phone(person: Subscriber, phone: str, by: By) -> None:
    """Raises Refused. Whoever buys with either number meanwhile comes before it, or after it."""
    _hold_phones(person, phone_index(phone))
    subscribers.change_phone(person, phone, by)


def _hold_phones(person: Subscriber, *more: bytes) -> None:
    known = person.phone_index
    if known is None:
        raise Refused(subscribers.GONE)
    for index in sorted({known, *more}):  # always in this order: two cannot wait for each other
        limits.lock_key(index)
    db.session.refresh(person)
    if person.phone_index != known:
        raise Refused("The phone number has just been changed. Please look again.")
