"""Invoices: one open at a time for a subscription, with an account number that people can type."""

import secrets

from sqlalchemy import select

from app import audit, clock
from app.billing.models import Invoice, Subscription
from app.extensions import db

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like something else
SUFFIX = 7


def open_for(subscription: Subscription) -> Invoice:
    """The open invoice at today's price, locked. One of another price is void: it was never paid."""
    mine = (
        Invoice.subscription_id == subscription.id,
        Invoice.paid_at.is_(None),
        Invoice.voided_at.is_(None),
    )
    query = select(Invoice).where(*mine).with_for_update(key_share=True)
    invoice = db.session.scalar(query, execution_options={"populate_existing": True})
    if invoice and invoice.amount != subscription.plan.price:
        void(invoice)
        invoice = None
    return invoice or issue(subscription)


def void(invoice: Invoice) -> None:
    invoice.voided_at = clock.now()
    db.session.flush()
    audit.record(invoice, "invoice.voided", actor="customer", amount=invoice.amount)


def issue(subscription: Subscription) -> Invoice:
    invoice = Invoice(
        merchant_id=subscription.merchant_id,
        subscription=subscription,
        reference=new_reference(subscription.plan.merchant.name),
        amount=subscription.plan.price,
    )
    db.session.add(invoice)
    db.session.flush()
    audit.record(invoice, "invoice.issued", actor="customer", amount=invoice.amount)
    return invoice


def new_reference(merchant_name: str) -> str:
    """Like MA-7K3Q9DX: at most 12 of A-Z, 0-9 and -, one of 17 billion for a merchant."""
    letters = [c for c in merchant_name.upper() if c.isascii() and c.isalpha()]
    prefix = "".join((*letters, "X", "X")[:2])
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(SUFFIX))}"
