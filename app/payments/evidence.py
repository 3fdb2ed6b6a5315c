"""Safaricom's word about a receipt number that a person types: a line, or money without a payment.

What it says about somebody else's money is refused here, whoever asks and how many they are. The
caller holds the payment and the number.
"""

from dataclasses import dataclass

from sqlalchemy import or_, select

from app.billing.models import Invoice
from app.errors import Refused
from app.extensions import db
from app.merchants import Merchant
from app.payments import booking, checking, comparing, doubts, statements
from app.payments.locking import locked_nameless, locked_receipt
from app.payments.models import Payment, Receipt
from app.payments.staff_models import MatchProposal, StatementLine


@dataclass(frozen=True)
class Found:
    """Money that is in the books without a payment, or a line."""

    receipt: Receipt | None = None
    line: StatementLine | None = None

    @property
    def there(self) -> bool:
        return self.receipt is not None or self.line is not None


def of(payment: Payment, code: str) -> Found:
    """Raises Refused where what is here says that it cannot be this payment's money."""
    booked = doubts.booked(code)
    if booked is not None:
        return Found(receipt=_waiting(payment, booked))
    line = statements.money_in(payment.merchant_id, code)
    if line is None:
        _check_claims(payment, code)
        return Found()
    _check_line(payment, line)
    return Found(line=line)


def _check_line(payment: Payment, line: StatementLine) -> None:
    merchant = db.session.get_one(Merchant, payment.merchant_id)
    locked_nameless(payment.merchant_id, payment.amount)
    checking.check_new(comparing.look_up(merchant, line))
    _check_amount(payment, statements.whole(line), line.code)
    _check_account(payment, line.reference)
    number = statements.shortcode(line)
    if number not in (None, payment.number):
        raise Refused(f"This money came to {number}; the payment went through {payment.number}.")


def _waiting(payment: Payment, booked: Receipt) -> Receipt:
    if doubts.code_is_taken(booked.code or "", payment):
        raise Refused("M-PESA gave this number to other money than this payment's.")
    receipt = locked_receipt(booked.id)
    if booking.allocated(receipt):
        raise Refused("This money is on a balance already. Undo that first, or leave it there.")
    _check_amount(payment, receipt.amount, booked.code or "")
    _check_account(payment, statements.account_of(receipt))
    statements.check_kept(receipt)
    return receipt


def _check_amount(payment: Payment, amount: int, code: str) -> None:
    if amount != payment.amount:
        raise Refused(
            f"{code} brought KSh {amount:,}; this payment asks for KSh {payment.amount:,}. Book the "
            "money and put it on the customer's balance instead."
        )


def _check_account(payment: Payment, reference: str | None) -> None:
    """A line that names an invoice says whose it is, and a person alone does not say otherwise (M2)."""
    named = (Invoice.merchant_id == payment.merchant_id, Invoice.reference == reference)
    if db.session.scalar(select(Invoice.id).where(*named)) not in (None, payment.invoice_id):
        raise Refused(
            f"M-PESA's statement says that this money is for {reference}. Match it with a payment "
            "for that, or book it and put it on the customer's balance."
        )


def _check_claims(payment: Payment, code: str) -> None:
    """Of two payments with one number, neither verified, one is wrong. A verified one waits for none."""
    paid = (
        Receipt.merchant_id == payment.merchant_id,
        Receipt.claimed_code == code,
        Receipt.code.is_(None),
        or_(Receipt.payment_id.is_(None), Receipt.payment_id != payment.id),
    )
    proposed = (
        MatchProposal.merchant_id == payment.merchant_id,
        MatchProposal.code == code,
        MatchProposal.decided_at.is_(None),
        MatchProposal.payment_id != payment.id,
    )
    queries = (select(Receipt.id).where(*paid), select(MatchProposal.id).where(*proposed))
    if any(db.session.scalar(query.limit(1)) is not None for query in queries):
        raise Refused("This number was given for another payment already.")
    _check_other_tries(payment)


def _check_other_tries(payment: Payment) -> None:
    """Whoever sees an SMS and a failed request does not see that another one of it is paid."""
    other_try = (Payment.invoice_id == payment.invoice_id, Payment.id != payment.id)
    nameless = select(Receipt.id).join(Payment, Payment.id == Receipt.payment_id).where(*other_try)
    unknown = nameless.where(Receipt.code.is_(None), Receipt.claimed_code.is_(None))
    if db.session.scalar(unknown.limit(1)) is not None:
        raise Refused(
            "Another request for this invoice is paid, and its number is not known yet: this may be "
            "it. Wait for M-PESA's message, or its statement."
        )
