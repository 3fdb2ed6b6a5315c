"""Try a merchant's M-PESA settings: first the keys, then a shilling from a phone of their own.

The shilling is an ordinary payment for a plan that nobody else can buy, so its prompt, callback,
receipt and books are those of every payment. What came of it is read off its row afterwards, where
somebody looks, and hourly: settlement knows nothing of tests.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.billing.models import Invoice, Plan, Subscription
from app.crypto import CannotOpen
from app.daraja import Asked, Asking, BadCredentials, Client, Reason, Refused, probe
from app.extensions import db
from app.merchants import Merchant, verification
from app.merchants.verification import FAILED, PENDING, VERIFIED
from app.payments import charging
from app.payments.charging import Payer
from app.payments.models import Payment
from app.payments.states import FAILED as PAYMENT_FAILED
from app.payments.states import PAID

TEST_PLAN = "_test"  # no plan that people make has such a code: theirs begin with a letter or digit
UNHEARD = "Safaricom gave no token"  # and did not say that the keys are wrong
# The prompt was on a phone, or nearly: number and passkey are right, whatever the person did.
PROVING = frozenset(
    {
        Reason.INSUFFICIENT_FUNDS,
        Reason.WRONG_PIN,
        Reason.PIN_LOCKED,
        Reason.CANCELLED,
        Reason.EXPIRED,
        Reason.UNREACHABLE,
        Reason.LIMIT,
    }
)


@dataclass(frozen=True)
class Tried:
    state: str  # verified | failed
    reason: str


def try_keys(client: Client) -> Tried:
    """Asks Safaricom for a token, and about a payment that never was. No transaction is open."""
    try:
        client.token()
    except BadCredentials as error:
        return Tried(FAILED, error.message)
    except Refused as error:
        return Tried(FAILED, f"{UNHEARD}: {error.message}.")
    return _told(probe.may_ask(client))


def _told(asked: Asked) -> Tried:
    if asked.result is Asking.WRONG:
        text = "Key and secret are right; number and passkey do not belong together"
        return Tried(FAILED, f"{text} ({asked.shown}).")
    if asked.result is Asking.NOT_ALLOWED:
        text = "Key and secret are right; the app lacks the product “Lipa na M-PESA”"
        return Tried(FAILED, f"{text} ({asked.shown}).")
    if asked.result is Asking.UNKNOWN:
        return Tried(VERIFIED, "Safaricom took key and secret. It said nothing about the number.")
    return Tried(VERIFIED, "Safaricom took key, secret and number.")


def prompt(merchant: Merchant, payer: Payer, attempt: str, *, actor: str) -> Payment:
    """A prompt for one shilling. Raises MustWait. The caller commits, then rings."""
    credentials = merchant.credentials()
    if not verification.is_of(merchant, credentials):
        said = "A prompt for one shilling was sent."
        verification.note(merchant, credentials, PENDING, said, actor=actor)
    return charging.buy(_plan(merchant), payer, attempt)


def _plan(merchant: Merchant) -> Plan:
    """Made when it is first wanted, and retired from the start: nobody finds it, nobody can buy it."""
    row = {
        "merchant_id": merchant.id,
        "code": TEST_PLAN,
        "name": "Connection test",
        "price": 1,
        "unit": "day",
        "every": 1,
        "created_at": clock.now(),
        "retired_at": clock.now(),
    }
    db.session.execute(insert(Plan).values(row).on_conflict_do_nothing())
    mine = (Plan.merchant_id == merchant.id, Plan.code == TEST_PLAN)
    return db.session.scalars(select(Plan).where(*mine)).one()


def note_proof(merchant: Merchant) -> bool:
    """Whether a test prompt has ended that says more than was known. The caller commits."""
    credentials = merchant.credentials()
    if merchant.verified_at is None or not verification.is_of(merchant, credentials):
        return False
    payment = _newest_ended(merchant)
    verdict = _verdict(payment) if payment else None
    if verdict is None:
        return False
    verification.note(merchant, credentials, verdict.state, verdict.reason, actor="safaricom")
    return True


def _newest_ended(merchant: Merchant) -> Payment | None:
    """Since the last verdict; an older one was taken into account."""
    query = (
        select(Payment)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(Plan.merchant_id == merchant.id, Plan.code == TEST_PLAN)
        .where(Payment.status.in_((PAID, PAYMENT_FAILED)), Payment.ended_at > merchant.verified_at)
    )
    return db.session.scalar(query.order_by(Payment.ended_at.desc()).limit(1))


def _verdict(payment: Payment) -> Tried | None:
    if payment.status == PAID:
        return Tried(VERIFIED, "A phone paid one shilling.")
    if payment.reason in PROVING:
        return Tried(VERIFIED, "The prompt reached M-PESA; the person at the phone did not pay.")
    if payment.reason == Reason.MERCHANT_PROBLEM:
        return Tried(FAILED, f"M-PESA refused the prompt (code {payment.code or 'unknown'}).")
    return None


def note_proofs() -> int:
    """For merchants whose owner did not come back to look. The caller commits."""
    untold = select(Merchant).where(Merchant.verification_of.is_not(None))
    pending = db.session.scalars(untold.where(Merchant.verification != VERIFIED)).all()
    return sum(_noted(merchant) for merchant in pending)


def _noted(merchant: Merchant) -> bool:
    try:
        return note_proof(merchant)
    except CannotOpen:  # the key is not in the ring: its prompts tell staff so
        return False
