"""What makes a message with the right token odd (design.md §5, "A callback is believed")."""

from ipaddress import ip_address

from sqlalchemy import select

from app.daraja import StkResult
from app.extensions import db
from app.payments.models import Payment, Receipt, checkout_index
from app.settings import settings


def about(payment: Payment, result: StkResult, address: str | None) -> list[str]:
    """Sentences' ends for staff; empty when the message fits. `address` None: not looked at."""
    above = payment.merchant.verify_above
    tests = {
        "another request id": other_id(payment, result),
        f"KSh {result.amount} instead of {payment.amount}": _other_amount(payment, result),
        "no receipt details": result.amount is None or result.receipt is None,
        "a receipt number that another payment has": _taken_elsewhere(result),
        f"an address that is not Safaricom's ({address})": _foreign(address),
        "an amount that is always confirmed": above is not None and payment.amount > above,
    }
    return [text for text, odd in tests.items() if odd]


def other_id(payment: Payment, result: StkResult) -> bool:
    known = payment.checkout_index
    return known is not None and known != checkout_index(result.checkout_request_id)


def _other_amount(payment: Payment, result: StkResult) -> bool:
    return result.amount is not None and result.amount != payment.amount


def code_is_taken(code: str) -> bool:
    return db.session.scalar(select(Receipt.id).where(Receipt.code == code)) is not None


def _taken_elsewhere(result: StkResult) -> bool:
    return result.receipt is not None and code_is_taken(result.receipt)


def _foreign(address: str | None) -> bool:
    """A signal, never a wall: Safaricom's addresses change, and proxies hide them (C10)."""
    known = settings().callback_addresses
    if not known or address is None:
        return False
    return not any(ip_address(address) in network for network in known)
