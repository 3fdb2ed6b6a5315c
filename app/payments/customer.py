"""The customer's buttons on the payment page."""

from datetime import timedelta

from sqlalchemy import select

from app import audit, clock
from app.billing import subscriptions
from app.errors import MustWait, Refused
from app.extensions import db
from app.payments import charging, gate, limits, schedule
from app.payments.locking import FRESH, locked_invoice
from app.payments.models import Payment
from app.payments.states import FAILED, LIVE, PENDING, UNCONFIRMED, UNDECIDED

LINK_LIFE = timedelta(days=30)  # an unpaid link is old then: the plan may have another price


def payment(token: str) -> Payment | None:
    """Locked: a button acts on what is true now."""
    query = select(Payment).where(Payment.token == token).with_for_update(key_share=True)
    return db.session.scalar(query, execution_options=FRESH)


def entered(payment: Payment) -> None:
    """ "I have entered my PIN": the only sign we can get, and worth an early question."""
    if payment.status not in UNDECIDED:
        return
    if payment.claimed_at is None:
        payment.claimed_at = clock.now()
        audit.record(payment, "payment.claimed", actor="customer")
    schedule.hurry_for_customer(payment, schedule.CLAIM_DELAY)


def denied(payment: Payment) -> None:
    """ "I did not enter my PIN": frees the retry once Safaricom has been asked again."""
    if payment.status not in (PENDING, UNCONFIRMED):
        return
    payment.denied_at = clock.now()
    audit.record(payment, "payment.denied", actor="customer")
    schedule.hurry_for_customer(payment)


def again(
    old: Payment, phone: str | None, address: str | None, *, asked_by: str = "customer"
) -> tuple[Payment, bool]:
    """A payment for the same invoice, and whether it is new. Raises MustWait or Refused.

    The old one stays watched: if both are paid, the second one's money goes to the balance.
    """
    if found := db.session.scalar(select(Payment).where(Payment.retry_of_id == old.id)):
        return found, False
    other = phone is not None and phone != old.phone
    _may_retry(old, other=other)
    number = phone or old.phone
    if number is None:
        raise _closed()
    payer = charging.Payer(number, address, old.ref, old.return_url, asked_by)
    index = subscriptions.phone_index(payer.phone)
    ask = limits.Ask(old.merchant_id, index, old.amount, payer.address_index)
    limits.lock(ask)
    if other and old.status == PENDING:
        old.move_to(UNCONFIRMED, actor="customer", why="another number")
    limits.check(ask)
    gate.enter(old.merchant, asked_by=asked_by, insists=True)
    invoice = locked_invoice(old.invoice_id)
    if not invoice.open:
        raise _closed()
    new = charging.open_payment(invoice, payer, retry_of=old)
    new.consent_version, new.consent_language = old.consent_version, old.consent_language
    return new, True


def _closed() -> Refused:
    return Refused("This invoice is closed. Please start again from the plans.")


def _may_retry(old: Payment, *, other: bool) -> None:
    if old.created_at <= clock.now() - LINK_LIFE:
        raise Refused("This payment link has expired. Please start again from the plans.")
    if old.status == FAILED or (other and old.status in (PENDING, UNCONFIRMED)):
        return
    if old.status in LIVE:
        raise MustWait(5, "one prompt at a time")
    if old.status != UNCONFIRMED:
        raise Refused("This payment is paid already.")
    free = old.created_at + limits.UNCONFIRMED_GATE
    if not limits.released(old) and free > clock.now():
        raise MustWait(int((free - clock.now()).total_seconds()) + 1, "unconfirmed")
