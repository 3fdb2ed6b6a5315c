"""How often a phone may be asked (design.md §6): in PostgreSQL, so that it survives Redis.

A phone number in a checkout form is a weapon against its owner (security.md finding 10): the
limits count over all merchants, and their answers never tell whether a number is known.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, bindparam, func, or_, select

from app import clock, crypto, direct, many
from app.errors import MustWait
from app.extensions import db
from app.payments import buckets, opt_out
from app.payments.models import Payment
from app.payments.states import FAILED, LIVE, UNCONFIRMED
from app.settings import settings

PROMPT_GAP = timedelta(seconds=60)
SAME_AMOUNT_GAP = timedelta(seconds=120)
PIN_LIFE = timedelta(seconds=60)  # M-PESA takes no PIN after this
PROMPT_LIFE = timedelta(seconds=120)  # after this a silent prompt is unconfirmed, not live
UNCONFIRMED_GATE = timedelta(minutes=5)  # ux.md §2, "Retry gate"
COOL_DOWNS = {  # after Safaricom's own word, by reason
    "in_progress": timedelta(seconds=120),
    "busy": timedelta(seconds=30),
}
MERCHANT_BURST, MERCHANT_PER_SECOND = 1_000, 100


@dataclass(frozen=True)
class Window:
    name: str
    length: timedelta
    most: int


PHONE_WINDOWS = (
    Window("phone", timedelta(minutes=5), 5),
    Window("phone a day", timedelta(days=1), 10),
)
ADDRESS_WINDOW = Window("address", timedelta(minutes=10), 20)
INVOICE_WINDOW = Window("invoice", timedelta(hours=1), 5)
OPTED_OUT = "opted out"  # a rule that no waiting helps against


@dataclass(frozen=True)
class Ask:
    """A prompt that somebody wants to send."""

    merchant_id: int
    phone_index: bytes
    amount: int
    address_index: bytes | None


def lock(ask: Ask) -> None:
    """What is counted is locked, until the transaction ends: first the phone, then the address."""
    for key in counted(ask):
        lock_key(key)


def counted(ask: Ask) -> list[bytes]:
    """The keys, in the order in which they are locked."""
    addressed = ask.address_index and settings().prompt_limits_enabled
    return [ask.phone_index, *([ask.address_index] if addressed and ask.address_index else [])]


def attempt_key(merchant_id: int, attempt: str) -> bytes:
    return crypto.blind_index(f"{merchant_id}|{attempt}", "attempt")


def address_key(address: str) -> bytes:
    return crypto.blind_index(_network(address), "address")


def _network(address: str) -> str:
    """Of IPv6 the /64, which is what one household has; an odd text stands for itself."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def lock_key(key: bytes) -> None:
    """Serialises the transactions that hold the same key, until they end."""
    db.session.execute(select(func.pg_advisory_xact_lock(number(key))))


def free_keys(rows: direct.Transaction, keys: Collection[bytes]) -> set[bytes]:
    """Those that nobody holds, and that are ours from here to the commit: for who does not wait."""
    numbers = {key: number(key) for key in keys}
    values = {"numbers": list(numbers.values())}
    ours = {one for (one,) in rows.exec_driver_sql(_free_text(), values)}
    return {key for key, one in numbers.items() if one in ours}


@cache
def _free_text() -> str:
    numbers = bindparam("numbers", type_=ARRAY(BigInteger))
    each = func.unnest(numbers).column_valued("number")
    return many.text(select(each).where(func.pg_try_advisory_xact_lock(each)))


def number(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)


def check(ask: Ask) -> None:
    """Raises MustWait. The caller holds the locks, so that two checks cannot both pass."""
    if opt_out.holds(ask.phone_index):  # in the words of a limit: strangers learn nothing of it
        raise MustWait(int(PHONE_WINDOWS[0].length.total_seconds()), OPTED_OUT)
    _none_live(and_(Payment.phone_index == ask.phone_index, Payment.status.in_(LIVE)))
    if not settings().prompt_limits_enabled:
        return
    _gaps(ask)
    for window in PHONE_WINDOWS:
        _count(window, Payment.phone_index == ask.phone_index)
    if ask.address_index:
        _count(ADDRESS_WINDOW, Payment.address_index == ask.address_index)
    _merchant(ask.merchant_id)


def check_invoice(invoice_id: int) -> None:
    """Raises MustWait. The caller holds the invoice's lock."""
    mine = Payment.invoice_id == invoice_id
    _none_live(and_(mine, Payment.status.in_(LIVE)))
    if settings().prompt_limits_enabled:
        _count(INVOICE_WINDOW, mine)


def _none_live(live: ColumnElement[bool]) -> None:
    query = select(func.coalesce(Payment.accepted_at, Payment.created_at)).where(live)
    if started := db.session.scalar(query):
        raise MustWait(_left(started + PROMPT_LIFE, at_least=5), "one prompt at a time")


def _gaps(ask: Ask) -> None:
    """Spaces out what reached the phone; what was never sent there does not count."""
    recent = and_(
        Payment.phone_index == ask.phone_index,
        Payment.created_at > clock.now() - UNCONFIRMED_GATE,
    )
    waits = [
        until(payment, ask.amount) for payment in db.session.scalars(select(Payment).where(recent))
    ]
    if (latest := max(waits, default=clock.now())) > clock.now():
        raise MustWait(_left(latest), "between prompts")


def until(payment: Any, amount: int) -> datetime:
    """When the phone of this payment, or of a bare row of it, may be asked again for so many shillings."""
    ends: list[datetime] = [payment.created_at]
    if payment.accepted_at or payment.status == UNCONFIRMED:
        sent = payment.sending_at or payment.created_at
        ends.append(sent + (SAME_AMOUNT_GAP if payment.amount == amount else PROMPT_GAP))
    if payment.ended_at and payment.status == FAILED:
        ends.append(payment.ended_at + COOL_DOWNS.get(payment.reason or "", timedelta()))
    if payment.status == UNCONFIRMED and not released(payment):
        ends.append(payment.created_at + UNCONFIRMED_GATE)
    return max(ends)


def released(payment: Any) -> bool:
    """The customer said, after the prompt's end, that no PIN was entered, and Safaricom then answered.

    What it answered was not "paid": such a payment is not unconfirmed any more (ux.md §2).
    """
    denied, answered = payment.denied_at, payment.answered_at
    if denied is None or answered is None:
        return False
    over = (payment.accepted_at or payment.created_at) + PIN_LIFE
    return bool(answered > denied >= over)


def _count(window: Window, condition: ColumnElement[bool]) -> None:
    """The oldest payments of a full window say when there is room again."""
    since = clock.now() - window.length
    theirs = and_(condition, Payment.created_at > since, may_have_prompted())
    query = select(Payment.created_at).where(theirs).order_by(Payment.created_at.desc())
    times = list(db.session.scalars(query.limit(window.most)))
    if len(times) == window.most:
        raise MustWait(_left(times[-1] + window.length), window.name)


def may_have_prompted() -> ColumnElement[bool]:
    """Everything but what we never sent: that was our fault, not the customer's try."""
    return or_(Payment.status != FAILED, Payment.reason != "not_sent")


def _merchant(merchant_id: int) -> None:
    if not buckets.take(bucket(merchant_id), merchants_rate()):
        raise MustWait(5, "merchant")


def bucket(merchant_id: int) -> str:
    return f"prompts:{merchant_id}"


def merchants_rate() -> buckets.Rate:
    return buckets.Rate(MERCHANT_BURST, MERCHANT_PER_SECOND)


def _left(end: datetime, at_least: int = 1) -> int:
    return max(at_least, ceil((end - clock.now()).total_seconds()))
