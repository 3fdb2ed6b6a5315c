"""What the checklist looks at, gathered from rows and settings."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from app import clock
from app.checkup.live import Live
from app.daraja import Credentials
from app.extensions import db
from app.merchants import Merchant, mpesa, verification
from app.merchants.verification import Verdict
from app.payments.models import Callback, Payment
from app.settings import settings

LATELY, ENOUGH = timedelta(days=30), 500  # payments that tell how it goes
MIXED_UP = "2002"  # till and store number, says Safaricom after the prompt (daraja.md §1.2)


@dataclass(frozen=True)
class Look:
    environment: str  # simulator | sandbox | production
    public_base_url: str
    credentials: Credentials = field(repr=False)
    verdict: Verdict
    on_others_number: bool = False  # the switch
    sharers: int = 0  # other merchants with the same number of their own
    sent: int = 0  # prompts, lately
    mixed_up: int = 0  # of those, that failed because till and store number do not fit
    heard_at: datetime | None = None  # when Safaricom last reached us
    has_initiator: bool = False
    certificate_until: datetime | None = None
    live: Live | None = None


def look(merchant: Merchant, live: Live | None = None) -> Look:
    """Raises crypto.CannotOpen when a key is missing from the ring."""
    sent, mixed_up = _sent(merchant)
    return Look(
        environment=settings().mpesa_environment,
        public_base_url=settings().public_base_url,
        credentials=merchant.credentials(),
        verdict=verification.of(merchant),
        on_others_number=merchant.uses_platform_shortcode,
        sharers=mpesa.sharers(merchant),
        sent=sent,
        mixed_up=mixed_up,
        heard_at=_heard_at(merchant),
        has_initiator=merchant.initiator is not None,
        certificate_until=mpesa.certificate_until(merchant),
        live=live,
    )


def _sent(merchant: Merchant) -> tuple[int, int]:
    """How many prompts, and how many mixed up since the last that was paid: that one proved the numbers."""
    of_newest = Payment.id.in_(_newest(merchant))
    paid = select(func.max(Payment.paid_at)).where(of_newest).scalar_subquery()
    since = or_(paid.is_(None), Payment.sending_at > paid)
    mixed_up = func.count().filter(Payment.code == MIXED_UP, since)
    query = select(func.count(), mixed_up).where(of_newest, Payment.sending_at.is_not(None))
    sent, wrong = db.session.execute(query).one()
    return sent, wrong


def _newest(merchant: Merchant) -> Select[int]:
    mine = (Payment.merchant_id == merchant.id, Payment.created_at > clock.now() - LATELY)
    return select(Payment.id).where(*mine).order_by(Payment.created_at.desc()).limit(ENOUGH)


def _heard_at(merchant: Merchant) -> datetime | None:
    """Of messages with a right token: what strangers send does not count."""
    query = select(func.max(Callback.received_at))
    return db.session.scalar(query.where(Callback.payment_id.in_(_newest(merchant))))
