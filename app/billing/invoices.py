"""Invoices: one open at a time for a subscription, with an account number that people can type."""

import secrets

from sqlalchemy import Select, select

from app import audit, clock
from app.billing.models import Invoice, Subscription
from app.extensions import db

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like something else
SUFFIX = 7


def open_for(subscription: Subscription, actor: str = "customer") -> Invoice:
    """For who buys now, at today's price: the open invoice, locked, or a new one.

    One of another price is void: it was never paid, and its amount is frozen. It is the customer's
    new purchase that voids it, never the change of the price: until they come to the form again,
    see the new price and agree to it, what is open keeps its amount and can be paid (M4).
    """
    invoice = open_of(subscription)
    if invoice and invoice.amount != subscription.plan.price:
        void(invoice, actor)
        invoice = None
    return invoice or issue(subscription, actor)


def open_of(subscription: Subscription) -> Invoice | None:
    """The open invoice as it is, locked and fresh."""
    query = _open(subscription).with_for_update(key_share=True)
    return db.session.scalar(query, execution_options={"populate_existing": True})


def seen_open_of(subscription: Subscription) -> Invoice | None:
    """The same for who only looks."""
    return db.session.scalar(_open(subscription))


def _open(subscription: Subscription) -> Select[Invoice]:
    return select(Invoice).where(
        Invoice.subscription_id == subscription.id,
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )


def void(invoice: Invoice, actor: str = "customer") -> None:
    invoice.voided_at = clock.now()
    db.session.flush()
    audit.record(invoice, "invoice.voided", actor=actor, amount=invoice.amount)


def issue(subscription: Subscription, actor: str = "customer") -> Invoice:
    invoice = Invoice(
        merchant_id=subscription.merchant_id,
        subscription=subscription,
        reference=new_reference(subscription.plan.merchant.name),
        amount=subscription.plan.price,
    )
    db.session.add(invoice)
    db.session.flush()
    audit.record(invoice, "invoice.issued", actor=actor, amount=invoice.amount)
    return invoice


def new_reference(merchant_name: str) -> str:
    """Like MA-7K3Q9DX: at most 12 of A-Z, 0-9 and -, one of 17 billion for a merchant."""
    letters = [c for c in merchant_name.upper() if c.isascii() and c.isalpha()]
    prefix = "".join((*letters, "X", "X")[:2])
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(SUFFIX))}"
