"""Ask for the next period before the paid one is over: first many invoices are opened and queued, then
each is asked for at a pace that phones, M-PESA and customers who wait can bear (ADR 24).

Opening. Of every subscription the phone's lock is tried, and never waited for: whoever sells to a
person, cancels, erases or renumbers them holds it, and the next run looks again. No deadlock: a run
waits for nobody but, with its last statement, for the end of the seller's chain of events.
Asking. Nearly all are plain (plain_renewal.py). Of the others the row of the queue is locked first, which
nobody waits for; then come the locks of by_staff.py.

What can happen between the lines:
- crash before a step of opening is committed: nothing of it is there, and all of it is due as before;
- crash after it: the `renewal` rows are the record of work, and the next sweep asks for them;
- two runs: the phones' locks keep them apart, `uq_invoice_one_open` and the unique `renewal.invoice_id`
  make the later one find nothing to do, and only what was made is audited;
- the customer pays meanwhile: the statement that opens sees one moment in time; an invoice that was
  open in it can be paid by now, and asking finds that under its lock: "paid already";
- crash before an asking is committed: neither the payment nor the row's end is there; after it: both.
  The payment's attempt is `renewal-<id>`: whatever repeats it gets the same payment (unique);
- the payment is not sent in 30 s, because M-PESA or the workers are away: it is failed(not_sent),
  and asked for by staff, never by this again.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, exists, func, select

from app import audit, clock, direct, merchants
from app.audit import Written
from app.billing import invoices
from app.billing.models import Invoice
from app.errors import MustWait, Refused
from app.extensions import db
from app.merchants import Merchant
from app.payments import buckets, by_staff, gate, limits
from app.payments.locking import FRESH
from app.payments.models import Payment
from app.payments.outage_models import OPEN_SQL, Outage
from app.payments.renewal_models import ASKED, WAITS_SQL, Renewal
from app.payments.renewal_statements import Due, Found, Place
from app.payments.states import CREATED, UNCONFIRMED

ACTOR = "renewals"
AT_ONCE = 250  # phones that are held until commit: a customer of one of them waits for so many
DAYTIME = range(8, 20)  # o'clock in Nairobi
PACE = buckets.Rate(capacity=40, per_second=20)
BUCKET = "prompts:renewals"
BEHIND = 20  # unsent prompts: customers wait for these
REST = timedelta(minutes=10)
LIFE = timedelta(days=3)  # after that nobody expects to be asked


@dataclass(frozen=True)
class Step:
    invoices: int  # opened
    queued: int
    busy: int  # whose phones somebody else held
    place: Place | None  # where the next one goes on; None: that was all


@dataclass(frozen=True)
class Counted:
    queued: int  # to be
    open: int  # of these are open already
    other: int  # owe another price than today's


def counted(due: Due) -> Counted:
    return Counted(*db.session.execute(due.counted()).one())


def open_some(merchant: Merchant, due: Due, after: Place | None) -> Step:
    """Opens and queues what is due next. The caller commits."""
    rows = db.session.execute(due.next(after, AT_ONCE)).all()
    held = limits.free_keys(direct.of_session(), {row.phone_index for row in rows})
    found = [
        Found(row.id, row.phone_index, invoices.new_reference(merchant.name))
        for row in rows
        if row.phone_index in held
    ]
    queued = db.session.execute(due.opening(found)).all() if found else []
    new = [row for row in queued if row.amount is not None]
    for row in new:
        subject = Written("invoice", row.invoice_id, merchant.id)
        audit.record(subject, "invoice.issued", actor=ACTOR, amount=row.amount)
    last = tuple(rows[-1])[:2] if len(rows) == AT_ONCE else None
    return Step(len(new), len(queued), len(rows) - len(found), last)


def waiting() -> list[int]:
    """Whose turn it is now, by id; nobody's at night, or while prompts of customers wait. The caller
    commits, and then asks each in a transaction of its own."""
    if clock.now().astimezone(clock.NAIROBI).hour not in DAYTIME:
        return []
    found = list(db.session.scalars(_next(round(PACE.capacity))))
    if not found or _unsent() >= BEHIND:
        return []
    return found[: buckets.take_up_to(len(found), BUCKET, PACE)]


def _next(most: int) -> Select[int]:
    """Without those whose number M-PESA does not serve now: they would stand before all others."""
    sick = exists().where(Outage.shortcode == merchants.number_column(), OPEN_SQL)
    query = select(Renewal.id).join(Merchant, Merchant.id == Renewal.merchant_id)
    query = query.where(WAITS_SQL, Renewal.ask_after <= clock.now(), ~sick)
    return query.order_by(Renewal.ask_after, Renewal.id).limit(most)


def _unsent() -> int:
    some = select(Payment.id).where(Payment.status == CREATED).limit(BEHIND).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def ask(renewal_id: int) -> bool:
    """Whether there is a prompt to be sent. Raises MustWait or Refused, for `put_off`; the caller
    commits."""
    renewal = _locked(renewal_id)
    if renewal is None:
        return False
    if renewal.queued_at < clock.now() - LIFE:
        renewal.end("too late")
        return False
    if _may_be_paid(renewal.invoice_id):
        raise MustWait(int(REST.total_seconds()), "unconfirmed")
    payment = by_staff.ask_for(renewal.invoice, ACTOR, attempt(renewal.id))
    renewal.payment_id = payment.id
    renewal.end(ASKED)
    return True


def attempt(renewal_id: int) -> str:
    """The key of its payment: whoever asks again gets the same one."""
    return f"renewal-{renewal_id}"


def _locked(renewal_id: int) -> Renewal | None:
    """None: somebody else has it, or it is done."""
    query = select(Renewal).where(Renewal.id == renewal_id, WAITS_SQL)
    locking = query.with_for_update(skip_locked=True, key_share=True)
    return db.session.scalar(locking, execution_options=FRESH)


def _may_be_paid(invoice_id: int) -> bool:
    """A person may be told not to pay again meanwhile: a machine does not ask them to."""
    silent = (Payment.invoice_id == invoice_id, Payment.status == UNCONFIRMED)
    return db.session.scalar(select(Payment.id).where(*silent).limit(1)) is not None


def put_off(renewal_id: int, why: Exception) -> None:
    """What passes is tried again later, what does not is an end. The caller has rolled back, and commits."""
    renewal = _locked(renewal_id)
    if renewal is None:
        return
    rule = getattr(why, "rule", None)
    if rule == limits.OPTED_OUT:
        renewal.end(f"refused: {rule}")
    elif isinstance(why, Refused) and not isinstance(why, gate.Held):
        renewal.end(_ended(renewal.invoice) or f"refused: {why}")
    else:
        seconds = getattr(why, "seconds", 0)
        renewal.ask_after = clock.now() + max(REST, timedelta(seconds=seconds))


def _ended(invoice: Invoice) -> str | None:
    subscription = invoice.subscription
    if subscription.subscriber.phone_index is None:
        return "erased"
    if subscription.cancelled_at or subscription.ends_at:
        return "cancelled"
    if invoice.paid_at:
        return "paid already"
    return "void" if invoice.voided_at else None
