"""What makes a message with the right token odd (design.md §5, "A callback is believed")."""

from ipaddress import ip_address

from sqlalchemy import select

from app.daraja import StkResult
from app.extensions import db
from app.payments import alerts
from app.payments.models import Payment, Receipt, checkout_index
from app.payments.states import PAID
from app.settings import settings


def about(payment: Payment, result: StkResult, address: str | None) -> list[str]:
    """Why a success is asked about before it settles: sentences' ends for staff, or nothing."""
    above = payment.merchant.verify_above
    always = above is not None and payment.amount > above
    more = {_strange(address): is_foreign(address), "an amount that is always confirmed": always}
    return misfits(payment, result) + [text for text, odd in more.items() if odd]


def fits(payment: Payment, result: StkResult, address: str | None) -> bool:
    """Whether a success is odd in nothing that its own rows tell; receipts are looked up elsewhere."""
    above = payment.merchant.verify_above
    always = above is not None and payment.amount > above
    return not (always or is_foreign(address) or any(_said_otherwise(payment, result).values()))


def misfits(payment: Payment, result: StkResult) -> list[str]:
    """What a success says that does not fit the payment."""
    tests = _said_otherwise(payment, result) | {
        "a receipt number that another payment has": _taken_elsewhere(payment, result),
        "a receipt number that is in our books with another amount": _booked_otherwise(result),
    }
    return [text for text, odd in tests.items() if odd]


def _said_otherwise(payment: Payment, result: StkResult) -> dict[str, bool]:
    return {
        "another request id": other_id(payment, result),
        f"KSh {result.amount} instead of {payment.amount}": _other_amount(payment, result),
        "no receipt details": result.amount is None or result.receipt is None,
    }


def about_failure(payment: Payment, result: StkResult, address: str | None) -> list[str]:
    """Why a failure is asked about before it is believed."""
    tests = {
        "another request id": other_id(payment, result),
        "a failure that names money": result.amount is not None or result.receipt is not None,
        "another message says paid": payment.held_callback_id is not None,
        _strange(address): is_foreign(address),
    }
    return [text for text, odd in tests.items() if odd]


def _strange(address: str | None) -> str:
    return f"an address that is not Safaricom's ({address})"


def other_id(payment: Payment, result: StkResult) -> bool:
    known = payment.checkout_index
    return known is not None and known != checkout_index(result.checkout_request_id)


def _other_amount(payment: Payment, result: StkResult) -> bool:
    return result.amount is not None and result.amount != payment.amount


def code_is_taken(code: str, payment: Payment) -> bool:
    """Whether it is other money's. Money that a statement told us of first waits for its payment."""
    found = booked(code)
    if found is None:
        return False
    waiting = found.payment_id is None and found.merchant_id == payment.merchant_id
    return payment.status == PAID or not waiting


def booked(code: str) -> Receipt | None:
    """The money of this verified number, whosever it is. The caller has locked the number."""
    return db.session.scalar(select(Receipt).where(Receipt.code == code))


def tell_of_claims(payment: Payment, code: str) -> None:
    """The number is this payment's. Where staff had typed it for another one, it was not that one's."""
    claims = (Receipt.claimed_code == code, Receipt.code.is_(None), Receipt.source == "staff")
    query = select(Payment).join(Receipt, Receipt.payment_id == Payment.id)
    for other in db.session.scalars(query.where(*claims, Payment.id != payment.id)):
        text = f"Staff matched it with {code}; M-PESA says that this is another payment's number."
        alerts.raise_for(other, "contradiction", text)


def _taken_elsewhere(payment: Payment, result: StkResult) -> bool:
    return result.receipt is not None and code_is_taken(result.receipt, payment)


def _booked_otherwise(result: StkResult) -> bool:
    found = booked(result.receipt) if result.receipt is not None else None
    return found is not None and result.amount is not None and found.amount != result.amount


def is_foreign(address: str | None) -> bool:
    """A signal, and no wall by itself: Safaricom's addresses change, and proxies hide them (C10)."""
    known = settings().callback_addresses
    if not known or address is None:
        return False
    try:
        seen = ip_address(address)
    except ValueError:  # a proxy's own idea of an address
        return True
    seen = getattr(seen, "ipv4_mapped", None) or seen
    return not any(seen in network for network in known)
