"""People who subscribe: their rows, and what the story has to know of them while it goes on."""

from dataclasses import dataclass
from datetime import datetime

from app import crypto
from app.billing import subscriptions
from app.billing.invoices import new_reference
from app.billing.models import Invoice, Plan, Subscriber, Subscription
from app.cli.history.book import Book, Row
from app.cli.history.people import Crowd

CUSTOMER = "customer"


@dataclass
class Buyer:
    """A subscription, and the person whose it is."""

    plan: Plan
    phone: str
    subscriber: Row
    subscription: Row
    invoice: Row | None = None  # the open one
    busy_until: datetime | None = None
    paid: int = 0


def arrive(book: Book, crowd: Crowd, plan: Plan, at: datetime) -> Buyer:
    phone, token = crowd.phone(), crypto.new_token()
    subscriber = book.add(
        Subscriber,
        token=token,
        phone_index=subscriptions.phone_index(phone),
        phone_sealed=crypto.seal(phone.encode(), subscriptions.phone_place(token)),
        name=crowd.name(),
        language=crowd.language(),
        created_at=at,
    )
    subscription = book.add(
        Subscription,
        token=crypto.new_token(),
        subscriber_id=subscriber["id"],
        plan_id=plan.id,
        created_at=at,
    )
    what = ("subscription.opened", CUSTOMER)
    book.record(at, ("subscription", subscription), what, plan=plan.code)
    return Buyer(plan, phone, subscriber, subscription)


def owe(book: Book, buyer: Buyer, at: datetime) -> Row:
    """The open invoice, issued when there is none."""
    if buyer.invoice is None:
        buyer.invoice = book.add(
            Invoice,
            subscription_id=buyer.subscription["id"],
            reference=new_reference(book.merchant.name),
            amount=buyer.plan.price,
            created_at=at,
        )
        what = ("invoice.issued", CUSTOMER)
        book.record(at, ("invoice", buyer.invoice), what, amount=buyer.plan.price)
    return buyer.invoice
